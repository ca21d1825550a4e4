"""`dist/<assignment>/student.zip`: the lab for students, complete in itself.

Unzip it, install `requirements.txt`, open the notebook: the lab's packages lie beside it.
"""

from __future__ import annotations

from pathlib import Path

from autograder.authoring.assignment import Assignment
from autograder.edition.archive import archive_of, lab_files, write_archive
from autograder.edition.notebook import notebook_file
from autograder.edition.workflow import PATH as WORKFLOW
from autograder.edition.workflow import student_workflow
from autograder.edition.write import FOLDER, readme, student_files

NAME = "student.zip"


def student_zip(assignment: Assignment) -> bytes:
    """The archive, the same bytes for the same course; everything is in one folder."""
    edition = student_files(assignment) | {
        f"{FOLDER}/{assignment.name}/README.md": readme(assignment, workflow=True),
        f"{FOLDER}/{assignment.name}/{WORKFLOW}": student_workflow(notebook_file(assignment)),
    }
    files = {name.removeprefix(f"{FOLDER}/"): text.encode() for name, text in edition.items()}
    files |= {
        f"{assignment.name}/{name}": data for name, data in lab_files(assignment.packages).items()
    }
    return archive_of(files)


def build_student_zip(assignment: Assignment, root: Path) -> list[str]:
    """Bring an assignment's archive up to date; one sentence where that changed something."""
    return write_archive(root, f"dist/{assignment.name}/{NAME}", student_zip(assignment))
