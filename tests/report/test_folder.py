"""A folder that a report is written into again: it keeps what people put there, and nothing old."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from autograder.records import ClassGrades
from autograder.report.class_page.html import write_html
from autograder.report.feedback.files import write_feedback
from autograder.report.folder import LIST, ReportFolder


def files_in(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def report(folder: Path, *names: str, content: str = "") -> None:
    own = ReportFolder(folder)
    for name in names:
        own.write(name, content or name)
    own.finish("index.html", "page")


def test_a_class_page_leaves_no_picture_of_an_earlier_one(class_with_pictures, tmp_path):
    write_html(class_with_pictures, tmp_path)
    assert any(name.startswith("pictures/") for name in files_in(tmp_path))
    fewer = tuple(
        replace(grade, exercises=tuple(replace(e, picture=b"") for e in grade.exercises))
        for grade in class_with_pictures.grades
    )
    write_html(replace(class_with_pictures, grades=fewer), tmp_path)
    assert files_in(tmp_path) == {"index.html", LIST}
    assert not (tmp_path / "pictures").exists()


def test_feedback_of_who_is_not_in_the_class_any_more_goes(run, make_grade, tmp_path):
    write_feedback(ClassGrades(run=run, grades=(make_grade("ada"), make_grade("bob"))), tmp_path)
    (tmp_path / "bob" / "feedback.md").write_text("with a remark of the instructor's")
    (tmp_path / "letter.md").write_text("to the class")
    write_feedback(ClassGrades(run=run, grades=(make_grade("eve"),)), tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {
        "eve",
        "bob",
        "letter.md",
        "index.html",
        LIST,
    }
    assert files_in(tmp_path / "bob") == {"feedback.md"}


def test_the_list_can_be_checked_by_others(tmp_path):
    report(tmp_path, "a/b.png", content="x")
    x = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"
    assert f"{x}  a/b.png\n" in (tmp_path / LIST).read_text()


@pytest.mark.parametrize(
    "line", ["../dear.png", "/etc/dear.png", "a/../../dear.png", "dear.txt", "."]
)
def test_a_list_that_names_other_files_removes_none(line, tmp_path):
    folder = tmp_path / "report"
    folder.mkdir()
    for dear in (tmp_path / "dear.png", folder / "dear.txt"):
        dear.write_text("x")
    digest = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"
    (folder / LIST).write_text(f"{digest}  {line}\n{digest}\nnonsense\n")
    report(folder)
    assert (tmp_path / "dear.png").exists()
    assert (folder / "dear.txt").exists()


def test_nothing_is_removed_through_a_link(tmp_path):
    folder, elsewhere = tmp_path / "report", tmp_path / "elsewhere"
    report(folder, "a/b.png")
    (folder / "a").rename(elsewhere)
    (folder / "a").symlink_to(elsewhere)
    report(folder)
    assert (elsewhere / "b.png").exists()
