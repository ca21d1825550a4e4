"""Making the demo's class, grading it, and writing every report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from autograder.authoring.course import assignment_names, load_assignment
from autograder.demo.samples import Sample, samples
from autograder.grade import Order, Watch, grade_class
from autograder.gradebook import Gradebook
from autograder.records import ClassGrades
from autograder.report.class_page.html import write_html
from autograder.report.feedback.files import write_feedback
from autograder.report.files import make_folder, write_text
from autograder.report.grade_file import grade_file
from autograder.report.table import table
from autograder.sandbox.limits import Limits

LIMITS = Limits(call=5.0, total=60.0)

_GUIDE = """\
# What the demo shows

`submissions/` holds {count} files, made from the course's own material:

| file | shows | points |
| --- | --- | --- |
{rows}

Graded with `moelab grade`; the results are in `gradebook.db`, `grades.json`, `grades.csv`, in
`report/index.html` for the instructor and in `feedback/` for each student. Try:

```sh
moelab report {out}/gradebook.db
moelab grade {out}/submissions --gradebook sqlite:///{out}/gradebook.db
moelab check {out}/submissions/{first}
```
"""


class CannotDemonstrate(Exception):  # noqa: N818
    """The course has nothing to show, in one sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What came of the demo: the grades, the report's page and a guide to the files."""

    class_grades: ClassGrades
    page: Path
    guide: Path


def demonstrate(out: Path, jobs: int, watch: Watch, *, course: str = "reference") -> Shown:
    """Make and grade the demo's submissions in the folder `out`, with reports beside them.

    Raises `CannotDemonstrate`, `SandboxError`, `GradebookError` or `ReportError`.
    """
    folder = out / "submissions"
    make_folder(folder)
    watch.say("making submissions")
    names = assignment_names(course)
    if not names:
        raise CannotDemonstrate(f"the course {course!r} has no assignment to show")
    made = samples(load_assignment(names[0], course))
    for sample in made:
        (folder / sample.name).write_bytes(sample.data)
    with Gradebook.open(str(out / "gradebook.db")) as book:
        order = Order(
            paths=tuple(folder / sample.name for sample in made),
            assignment=names[0],
            course=course,
            limits=LIMITS,
            jobs=jobs,
            regrade=True,
            hidden=(out,),
            pictures=True,
        )
        class_grades = grade_class(order, book, watch)
    write_text(out / "grades.json", grade_file(class_grades))
    write_text(out / "grades.csv", table(class_grades))
    write_text(out / "README.md", _guide(out, made, class_grades))
    page = write_html(class_grades, out / "report")
    write_feedback(class_grades, out / "feedback")
    return Shown(class_grades=class_grades, page=page, guide=out / "README.md")


def _guide(out: Path, made: Sequence[Sample], class_grades: ClassGrades) -> str:
    scores = {grade.submission: f"{grade.score:g}" for grade in class_grades.grades}
    rows = (
        f"| `{sample.name}` | {sample.about.replace('|', '/')} | {scores.get(sample.name, '–')} |"
        for sample in made
    )
    first = next(sample.name for sample in made if sample.name.endswith(".ipynb"))
    return _GUIDE.format(out=out.as_posix(), count=len(made), rows="\n".join(rows), first=first)
