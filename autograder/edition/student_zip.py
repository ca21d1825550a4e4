"""`dist/<assignment>/student.zip`: the lab for students, complete in itself.

Unzip it, install `requirements.txt`, open the notebook: the lab's packages lie beside it.
"""

from __future__ import annotations

from pathlib import Path

from autograder.authoring.assignment import Assignment
from autograder.edition.archive import archive_of, lab_files
from autograder.edition.colab import colab_file, colab_notebook
from autograder.edition.notebook import notebook_file, student_notebook
from autograder.edition.workflow import PATH as WORKFLOW
from autograder.edition.workflow import student_workflow
from autograder.edition.write import readme, requirements

NAME = "student.zip"


def student_zip(assignment: Assignment) -> bytes:
    """The archive, the same bytes for the same course; everything is in one folder."""
    notebook = notebook_file(assignment)
    texts = {
        notebook: student_notebook(assignment),
        colab_file(assignment): colab_notebook(assignment),
        "README.md": readme(assignment, workflow=True),
        "requirements.txt": requirements(assignment),
        WORKFLOW: student_workflow(notebook),
    }
    files = {name: text.encode() for name, text in texts.items()} | lab_files()
    return archive_of({f"{assignment.name}/{name}": data for name, data in files.items()})


def build_student_zip(assignment: Assignment, root: Path) -> list[str]:
    """Bring an assignment's archive up to date; one sentence where that changed something."""
    name = f"dist/{assignment.name}/{NAME}"
    path, data = root / name, student_zip(assignment)
    if path.is_file() and path.read_bytes() == data:
        return []
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return [f"wrote {name}"]
