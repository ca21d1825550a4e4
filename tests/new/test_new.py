"""What `moelab new` makes works as it stands, and tells its author what to do next."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml

from autograder.authoring.course import load_assignment
from autograder.edition.student_zip import student_zip
from autograder.new.course import EXERCISE, LAB, new_course
from autograder.new.exercise import new_exercise
from autograder.new.writing import CannotMake
from autograder.verify.prove import verify
from autograder.verify.records import Rule

pytestmark = pytest.mark.slow

NAME = "attention_made"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A course as `moelab new course attention_made` makes it."""
    folder = tmp_path_factory.mktemp("authors") / NAME
    new_course(folder)
    return folder


def copied(made: Path, folder: Path, name: str) -> Path:
    """The same course under another name, for a test that changes it."""
    shutil.copytree(made, folder / name)
    (folder / name / NAME).rename(folder / name / name)
    for path in (folder / name).rglob("*"):
        if path.suffix in (".py", ".toml"):
            path.write_text(path.read_text().replace(NAME, name))
    return folder / name


def test_a_new_course_proves_itself_as_it_stands(made):
    report = verify(load_assignment(LAB, str(made / NAME)), made)
    assert report.findings == ()
    assert report.ok
    assert report.exercises == (EXERCISE,)


def test_a_new_course_is_a_repository_with_all_that_its_ci_needs(made):
    listed = subprocess.run(
        ["git", "ls-files", "--cached"], cwd=made, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert {"README.md", "requirements.txt", "constraints.txt", ".gitignore"} <= set(listed)
    assert f"{NAME}/{LAB}/{EXERCISE}/checks.py" in listed
    assert f"assignments/{LAB}/{LAB}.ipynb" in listed
    assert not [name for name in listed if "__pycache__" in name]
    workflow = yaml.safe_load((made / ".github" / "workflows" / "course.yml").read_text())
    assert workflow["permissions"] == {"contents": "read"}
    (job,) = workflow["jobs"].values()
    assert [s["run"] for s in job["steps"] if s.get("run", "").startswith("moelab")] == [
        "moelab verify",
        "moelab build --check",
    ]
    pins = (made / "constraints.txt").read_text()
    assert "torch==" in pins
    assert "otter-grader==7" in pins
    assert "moelab[build]==" in (made / "requirements.txt").read_text()


def test_students_of_a_course_without_models_get_moelab_kit_alone(made):
    archive = zipfile.ZipFile(io.BytesIO(student_zip(load_assignment(LAB, str(made / NAME)))))
    folders = {name.split("/")[1] for name in archive.namelist() if name.count("/") > 1}
    assert folders == {"moelab_kit", ".github"}
    needed = archive.read(f"{LAB}/requirements.txt").decode()
    assert "otter-grader>=7" in needed
    assert "jupyterlab" in needed
    for name in archive.namelist():
        if "moelab_kit/" not in name:
            text = archive.read(name).decode()
            assert "transformers" not in text, name
            assert "moe_lab" not in text, name


def test_a_new_exercise_fails_only_where_its_author_must_think(made, tmp_path):
    folder = copied(made, tmp_path, "attention_grows")
    told = new_exercise("longest_text", str(folder / "attention_grows"))
    assert "`moelab verify longest_text --watch`" in told[-1]
    lab = folder / "attention_grows" / LAB
    assert '        "longest_text",\n    ),\n' in (lab / "__init__.py").read_text()
    assignment = load_assignment(LAB, str(folder / "attention_grows"))
    assert [one.name for one in assignment.exercises] == [EXERCISE, "longest_text"]
    report = verify(assignment, folder)
    of_the_new = [one for one in report.findings if one.exercise == "longest_text"]
    assert [one for one in report.findings if one.exercise == EXERCISE] == []
    assert {one.rule for one in of_the_new} >= {Rule.REFERENCE}
    assert any("TODO: write the reference solution" in one.message for one in of_the_new)
    assert any("the statement still says TODO" in one.message for one in of_the_new)


@pytest.mark.parametrize("name", ["Upper", "with space", "class", "_private", "ünder", "torch"])
def test_a_name_that_cannot_be_a_course_is_refused_before_anything_is_written(name, tmp_path):
    with pytest.raises(CannotMake, match=name):
        new_course(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_nothing_that_is_there_is_overwritten(made):
    before = (made / "README.md").read_bytes()
    with pytest.raises(CannotMake, match="is there already"):
        new_course(made)
    with pytest.raises(CannotMake, match="is there already"):
        new_exercise(EXERCISE, str(made / NAME))
    assert (made / "README.md").read_bytes() == before


EXERCISE_OF_MODULES = '''"""# Loaded

Write `loaded()`.

- [loaded] The result is a list of the names of large libraries that are loaded.
"""

import sys

from autograder import Exercise
from moelab_kit import Answer

exercise = Exercise("loaded")


@exercise.solution
def loaded() -> list:
    """Return names."""
    return []


@exercise.law(points=1, proves="loaded")
def nothing_large(answer: Answer) -> None:
    """Loads nothing large, neither here nor there."""
    assert answer() == []
    here = [one for one in sys.modules if one.partition(".")[0] == "transformers"]
    assert not here, here[:3]
'''
LAB_OF_MODULES = """from pathlib import Path

from autograder import Assignment

assignment = Assignment(
    name="lab", title="Lab", folder=Path(__file__).parent, parts=("loaded",)
)
"""
LOOKS = """import sys

def loaded():
    large = ("accelerate", "transformers", "tokenizers", "moe_lab")
    return [one for one in sys.modules if one.partition(".")[0] in large]
"""
PROGRAM = """import sys
from autograder.cli.main import run

status = run(["grade", "submissions", "--course", "./modules_course", "--json", "out.json"])
print("transformers" in sys.modules, status)
"""


@pytest.mark.sandbox
def test_the_first_grade_of_a_course_without_models_loads_no_transformers(tmp_path):
    """The lone script names no assignment: the course has one."""
    loaded = tmp_path / "modules_course" / "lab" / "loaded"
    loaded.mkdir(parents=True)
    (loaded / "__init__.py").write_text(EXERCISE_OF_MODULES)
    (loaded.parent / "__init__.py").write_text(LAB_OF_MODULES)
    (loaded.parents[1] / "__init__.py").write_text('"""A course."""\n')
    (tmp_path / "submissions").mkdir()
    (tmp_path / "submissions" / "ada.py").write_text(LOOKS)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=tmp_path, capture_output=True, encoding="utf-8"
    )
    assert done.stdout.splitlines()[-1:] == ["False 0"], done.stdout + done.stderr
    (grade,) = json.loads((tmp_path / "out.json").read_text())["grades"]
    (check,) = grade["exercises"][0]["checks"]
    assert (check["outcome"], check["message"]) == ("passed", "")
