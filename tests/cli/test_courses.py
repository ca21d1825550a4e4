"""Which folder a course comes from: the one that was named, or the one that the marker names."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from autograder.courses import CourseError, course_at, course_here, import_course

MARKER = '[tool.moelab]\ncourse = "mine"\n'


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    """The current folder, with a course `mine` in it."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "__init__.py").write_text("where = __file__\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path])
    yield tmp_path
    sys.modules.pop("mine", None)


def test_the_marker_names_the_course_of_the_current_folder(here):
    assert course_here() == "reference"
    (here / "pyproject.toml").write_text(MARKER)
    assert course_here() == str(here / "mine")


@pytest.mark.parametrize("handed_in", ["ada.ipynb", "class.ZIP"])
def test_a_marker_among_submissions_names_nothing(here, handed_in):
    (here / "pyproject.toml").write_text(MARKER)
    (here / handed_in).touch()
    assert course_here() == "reference"


def test_a_marker_in_the_graded_folder_names_nothing(here):
    (here / "pyproject.toml").write_text(MARKER)
    assert course_here([Path()]) == "reference"
    assert course_here([here / "submissions.py"]) == "reference"


@pytest.mark.parametrize("text", ["[tool.moelab", "tool = 3", '[tool]\nmoelab = "x"', "\x00"])
def test_a_marker_that_cannot_be_read_names_nothing(here, text):
    (here / "pyproject.toml").write_text(text)
    assert course_here() == "reference"


@pytest.mark.parametrize("named", ["mine", "./mine", "mine/"])
def test_a_course_is_imported_from_the_folder_that_was_named_and_no_other_module(here, named):
    (here / "cuda.py").write_text("raise SystemExit")
    course = course_at(named)
    assert import_course(course).where == str(here / "mine" / "__init__.py")
    assert str(here) not in sys.path


def test_another_folder_of_the_same_name_takes_its_place(here):
    other = here / "other" / "mine"
    other.mkdir(parents=True)
    (other / "__init__.py").write_text("where = __file__\n")
    import_course(course_at("./mine"))
    assert import_course(course_at("other/mine")).where == str(other / "__init__.py")


def test_a_folder_of_submissions_is_no_course(here):
    for named in ("mine", "./mine"):
        with pytest.raises(CourseError, match="submissions"):
            course_at(named, submissions=[here])


def test_a_course_with_a_librarys_name_is_refused(here):
    (here / "json").mkdir()
    (here / "json" / "__init__.py").touch()
    with pytest.raises(CourseError, match="Rename its folder"):
        import_course(course_at("./json"))
