"""The feedback of a class: a folder for each student, and an index for the instructor."""

from __future__ import annotations

import base64
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from autograder.records import ClassGrades, Grade
from autograder.report.feedback.content import Feedback, feedback
from autograder.report.feedback.text import (
    feedback_json,
    feedback_markdown,
    picture_file,
    status_sentences,
)
from autograder.report.folder import ReportFolder
from autograder.report.naming import safe_name
from autograder.report.overview import by_student
from autograder.report.page import render

_STYLES = ("report.css", "feedback.css")


@dataclass(frozen=True, slots=True)
class Handout:
    """One student's feedback and the name of its folder."""

    folder: str
    content: Feedback


def write_feedback(class_grades: ClassGrades, folder: Path) -> Path:
    """Write the feedback of each student whose submission counts, and return the index's path.

    Each gets a folder of their own with `feedback.html`, which holds everything, `feedback.md`,
    `feedback.json` and their plots: hand out a student's folder, or any file in it, and nothing
    else. What an earlier report wrote there, and nobody changed, is removed where it is not written
    again. `ReportError` where something cannot be written.
    """
    own, handouts = ReportFolder(folder), handouts_of(class_grades)
    for handout in handouts:
        place, one = handout.folder, handout.content
        own.write(f"{place}/feedback.html", feedback_page(one))
        own.write(f"{place}/feedback.md", feedback_markdown(one))
        own.write(f"{place}/feedback.json", feedback_json(one))
        for exercise in one.exercises:
            if exercise.picture and picture_file(exercise):
                own.write(f"{place}/{picture_file(exercise)}", exercise.picture.data)
    page = render("index.html.j2", styles=_STYLES, run=class_grades.run, handouts=handouts)
    return own.finish("index.html", page)


def handouts_of(class_grades: ClassGrades) -> list[Handout]:
    """The feedback of each submission that counts, sorted by student, in folders that differ."""
    grades = [grade for grade in by_student(class_grades) if grade.counts]
    of_student = Counter(grade.student for grade in grades)
    return [
        Handout(_folder(grade, of_student[grade.student]), feedback(grade, class_grades.run))
        for grade in grades
    ]


def feedback_page(one: Feedback) -> str:
    """The feedback as a page that stands alone: no scripts, pictures inside."""
    pictures = {
        exercise.name: base64.b64encode(exercise.picture.data).decode("ascii")
        for exercise in one.exercises
        if exercise.picture
    }
    return render(
        "feedback.html.j2",
        styles=_STYLES,
        one=one,
        pictures=pictures,
        sentences=status_sentences(one),
    )


def _folder(grade: Grade, submissions: int) -> str:
    """The student's name as a folder's, with the submission's where several count."""
    both = f"{grade.student}\n{grade.submission}"
    return safe_name(grade.student if submissions == 1 else both)
