"""Gradescope's results.json: what a student sees on that platform for one submission.

The format is documented at https://gradescope-autograders.readthedocs.io/en/latest/specs/.
"""

from __future__ import annotations

import json
from typing import Any

from autograder.records import CheckResult, ClassGrades, Grade, Outcome, Run, Status
from autograder.report.feedback.content import quoted, student_message
from autograder.text import clean_line, clean_name, clean_text


def gradescope_results(class_grades: ClassGrades) -> str:
    """Write one submission's results as an object, those of several as a list of objects."""
    results = [result_of(grade, class_grades.run) for grade in class_grades.grades]
    content = results[0] if len(results) == 1 else results
    return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def result_of(grade: Grade, run: Run) -> dict[str, Any]:
    """One submission's results. Hidden checks show when the instructor publishes the grades."""
    return {
        "score": float(grade.final),
        "output": _output(grade, run),
        "output_format": "text",
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "extra_data": {
            "assignment": run.assignment,
            "course_revision": run.course_revision,
            "isolation": run.isolation,
            "submission": clean_name(grade.submission),
            "digest": grade.digest,
            "status": grade.status.value,
        },
        "tests": [
            _test(f"{place}.{number}", exercise.name, check)
            for place, exercise in enumerate(grade.exercises, 1)
            for number, check in enumerate(exercise.checks, 1)
        ],
    }


def _output(grade: Grade, run: Run) -> str:
    said = [clean_text(note) for note in grade.notes]
    if grade.standing is not None:
        said += [clean_text(rule) for rule in grade.standing.rules]
    if grade.status is Status.UNREADABLE:
        said.insert(0, "Your submission could not be read.")
    if grade.status is Status.NEEDS_REVIEW:
        said.insert(0, "A part of your submission could not be judged. Your instructor will look.")
    if run.isolation == "none":
        said.append("Graded without isolation.")
    return "\n".join(said)


def _test(number: str, exercise: str, check: CheckResult) -> dict[str, Any]:
    says = f"The exercise says: {quoted(check.promises)}" if check.promises else ""
    hint = clean_text(check.hint or check.misconception or "")
    lines = [student_message(exercise, check), says, hint]
    return {
        "name": f"{exercise}: {clean_line(check.title)}",
        "name_format": "text",
        "number": number,
        "score": float(check.score),
        "max_score": float(check.points),
        "status": "passed" if check.outcome is Outcome.PASSED else "failed",
        "output": "\n".join(filter(None, lines)),
        "output_format": "text",
        "visibility": "after_published" if check.hidden else "visible",
    }
