"""Writing the student edition into `assignments/`, and telling where it is out of date."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from autograder.authoring.assignment import Assignment
from autograder.edition.colab import colab_file, colab_notebook
from autograder.edition.needed import needed_by
from autograder.edition.notebook import notebook_file, student_notebook
from autograder.edition.prose import points_of
from autograder.edition.workflow import CPU_TORCH

FOLDER = "assignments"

_LEFT_BY_USE = ("__pycache__", ".ipynb_checkpoints", ".OTTER_LOG")

_README = """\
# {title}

{exercises} exercises, {points}.{hours} You need Python 3.11 or newer; nothing else
is loaded from the network while you work.

1. Install what the lab needs, best in an environment of its own. It needs no GPU, so take torch's
   build for the CPU:

   ```sh
   python -m venv .venv
   .venv/bin/pip install torch --index-url {index}
   .venv/bin/pip install -r requirements.txt{packages}
   ```

   That loads about half a gigabyte, and takes about 1.5 GB of the disk; without the second line,
   Linux gets the build for CUDA, which loads several gigabytes. (On Windows:
   `.venv\\Scripts\\pip` instead of `.venv/bin/pip`.)

2. Start the notebook from this folder:

   ```sh
   .venv/bin/jupyter lab {notebook}
   ```

3. Replace each `raise NotImplementedError` with your own code. The cell below each exercise,
   `grader.check(…)`, runs the public checks; the grade also depends on checks that you do not see,
   which ask for nothing but what the exercise's text says.

4. Save, run the cell with `hand_in`, and hand in the zip file that it writes. It holds the
   notebook, modules of yours that it imports, and a receipt: what passed, when, and with which
   versions. The saved notebook is run from the top for that: nothing counts that is not saved.

You may rename the notebook: JupyterLab and VS Code tell it its own name. `python -m
moelab_kit.check NOTEBOOK` runs the same checks from a terminal.

On Google Colab, open `{colab}` instead: its first cell brings all it needs.
{workflow}
Keep the names of the functions and the cells with `grader`. {lab}
"""

_KIT = """\
`moelab_kit` holds the checks'
helpers: use it, but do not change it, for grading brings its own."""
_LAB = """\
`moe_lab` holds the tiny models and
`moelab_kit` the checks' helpers: use them, but do not change them, for grading brings its own."""

_IN_A_REPOSITORY = """
In a repository of your own on GitHub, with this folder as its top, every push runs the public
checks (`.github/workflows/public-checks.yml`).
"""


def build(assignments: Iterable[Assignment], root: Path, *, check: bool = False) -> list[str]:
    """Bring `root/assignments` up to date, and return one sentence for each file that was not.

    With `check` nothing is written. A file that should not be there may be somebody's own, so the
    sentence asks for its removal. Raises `BuildError` where the course cannot be turned into a
    student edition.
    """
    told: list[str] = []
    for assignment in assignments:
        told += stale_files(assignment, root) if check else _write(assignment, root)
    return told


def student_files(assignment: Assignment) -> dict[str, str]:
    """Every file of an assignment's student edition, by its path relative to the repository."""
    folder = f"{FOLDER}/{assignment.name}"
    return {
        f"{folder}/{notebook_file(assignment)}": student_notebook(assignment),
        f"{folder}/{colab_file(assignment)}": colab_notebook(assignment),
        f"{folder}/README.md": readme(assignment, packages=_beside(assignment)),
        f"{folder}/requirements.txt": requirements(assignment),
    }


def readme(assignment: Assignment, *, packages: str = "", workflow: bool = False) -> str:
    """What students read first; `packages` are further arguments of `pip install`."""
    return _README.format(
        title=assignment.title,
        exercises=len(assignment.exercises),
        points=points_of(assignment.possible),
        hours=f" Plan {assignment.hours}." if assignment.hours else "",
        index=CPU_TORCH,
        packages=packages,
        notebook=notebook_file(assignment),
        colab=colab_file(assignment),
        workflow=_IN_A_REPOSITORY if workflow else "",
        lab=_lab(assignment),
    )


def _lab(assignment: Assignment) -> str:
    """What the lab's packages are for."""
    return _LAB if "moe_lab" in assignment.packages else _KIT


def _beside(assignment: Assignment) -> str:
    """The packages that lie beside the labs, as they do in moelab's own repository alone."""
    folder = assignment.folder.resolve().parents[1] / FOLDER
    names = ("moelab_kit", *assignment.packages)
    return "".join(f" ../{name}" for name in names if (folder / name).is_dir())


def requirements(assignment: Assignment) -> str:
    """The lab's `requirements.txt`."""
    return "".join(f"{line}\n" for line in needed_by(assignment))


def stale_files(assignment: Assignment, root: Path) -> list[str]:
    """One sentence for each file below `root` that is missing, different or surplus."""
    wanted = student_files(assignment)
    told = []
    for name, text in wanted.items():
        state = _state(root / name, text)
        if state:
            told.append(f"{name} {state}: run `moelab build {assignment.name}` and commit it")
    surplus = surplus_files(assignment, root, wanted)
    return told + [f"{name} is not part of the student edition: delete it" for name in surplus]


def surplus_files(assignment: Assignment, root: Path, wanted: Iterable[str]) -> list[str]:
    """Files in the assignment's folder that `moelab build` does not write, caches left out."""
    folder = root / FOLDER / assignment.name
    found = (path.relative_to(root) for path in folder.rglob("*") if not path.is_dir())
    used = (path for path in found if not set(path.parts) & set(_LEFT_BY_USE))
    return sorted({path.as_posix() for path in used} - set(wanted))


def _write(assignment: Assignment, root: Path) -> list[str]:
    wanted = student_files(assignment)
    told = []
    for name, text in wanted.items():
        path = root / name
        if _state(path, text):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode())
            told.append(f"wrote {name}")
    surplus = surplus_files(assignment, root, wanted)
    return told + [f"{name} is not part of the student edition: delete it" for name in surplus]


def _state(path: Path, text: str) -> str:
    """What is wrong with a file; "" for nothing. Line endings may be the platform's own."""
    try:
        found = path.read_bytes()
    except FileNotFoundError:
        return "is missing"
    return "" if found.replace(b"\r\n", b"\n") == text.encode() else "is out of date"
