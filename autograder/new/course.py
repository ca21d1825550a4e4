"""`moelab new course`: a repository with one lab and one exercise, which proves itself."""

from __future__ import annotations

import shutil
import subprocess
from importlib import metadata
from pathlib import Path

from autograder.authoring.course import load_assignment
from autograder.courses import is_free
from autograder.edition.pins import pins, sources
from autograder.edition.workflow import CPU_TORCH
from autograder.edition.write import build
from autograder.new.writing import CannotMake, filled, in_words, must_be_a_name, write_new

LAB = "first_lab"
EXERCISE = "padding_share"

_FILES = {  # templates by where they are written; {0} is the name of the course
    "README.md": "course/README.md",
    "pyproject.toml": "course/pyproject.toml",
    "requirements.txt": "course/requirements.txt",
    "constraints.txt": "course/constraints.txt",
    ".gitignore": "course/gitignore",
    ".github/workflows/course.yml": "course/workflow.yml",
    "{0}/__init__.py": "course/package.py",
    "{0}/fixtures.py": "course/fixtures.py",
    "{0}/first_lab/__init__.py": "course/lab.py",
    "{0}/first_lab/prose/introduction.md": "course/introduction.md",
    "{0}/first_lab/padding_share/__init__.py": "exercise/sample_init.py",
    "{0}/first_lab/padding_share/checks.py": "exercise/sample_checks.py",
    "{0}/first_lab/padding_share/answers.py": "exercise/sample_answers.py",
}


def new_course(folder: Path) -> list[str]:
    """Make a course in a new folder, which gives it its name; what was done, in sentences.

    Raises `CannotMake`; `BuildError` where the versions of what is installed are not known.
    """
    name = folder.name
    must_be_a_name(name, "a course")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise CannotMake(f"{folder} is there already: choose another name, or move it away")
    if not is_free(folder.resolve(), name):
        raise CannotMake(f"a course cannot be called {name}: a library has that name")
    values = {
        "name": name,
        "title": in_words(name),
        "lab": LAB,
        "lab_title": in_words(LAB),
        "exercise": EXERCISE,
        "fixture": "lengths",
        "torch_index": CPU_TORCH,
        "version": metadata.version("moelab"),
        "pins": sorted(pins(sources()).items()),
    }
    write_new(
        {
            folder / place.format(name): filled(template, **values)
            for place, template in _FILES.items()
        }
    )
    build([load_assignment(LAB, str(folder.resolve() / name))], folder)
    told = [f"wrote the course {name} into {folder}{'/'}: one lab, one exercise"]
    return told + _repository(folder)


def _repository(folder: Path) -> list[str]:
    """Make the folder a git repository, with all files to be committed."""
    git = shutil.which("git")
    if git is None:
        return ["git is not installed, so the folder is no repository yet"]
    for command in (["init", "--quiet"], ["add", "."]):
        done = subprocess.run(  # noqa: S603 - git, with fixed arguments
            [git, *command], cwd=folder, capture_output=True, text=True, check=False
        )
        if done.returncode:
            return [f"git could not make a repository of it: {done.stderr.strip()}"]
    return ["made it a git repository; commit, and keep it private: it holds the solutions"]
