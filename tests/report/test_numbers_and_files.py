"""Numbers that never flatter, and files that are whole or not there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from autograder.records import ClassGrades, Outcome
from autograder.report.class_page.html import write_html
from autograder.report.files import ReportError, check_writable, make_folder, write_text
from autograder.report.numbers import count, out_of, percent, points
from autograder.report.overview import overview


@pytest.mark.parametrize(
    ("score", "possible", "shown"),
    [
        (100, 100, "100 %"),
        (99.999_999, 100, "99.9 %"),
        (99.95, 100, "99.9 %"),
        (0.1 + 0.2, 0.3, "100 %"),
        (87.5, 100, "87.5 %"),
        (0.3, 1.0, "30 %"),
        (0, 100, "0 %"),
        (0, 0, "–"),
    ],
)
def test_a_hundred_percent_is_shown_only_when_it_is_exact(score, possible, shown):
    assert percent(score, possible) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [(100.0, "100"), (87.5, "87.5"), (99.999, "99.99"), (0.0, "0"), (0.1, "0.1")],
)
def test_points_are_cut_and_never_rounded_up(value, shown):
    assert points(value) == shown


def test_nouns_follow_their_number():
    assert [count(n, "submission") for n in (0, 1, 2)] == [
        "0 submissions",
        "1 submission",
        "2 submissions",
    ]


def test_the_overview_leaves_out_what_could_not_be_read(run, make_grade):
    grades = (
        make_grade("ada"),
        make_grade("bob", outcomes=(Outcome.PASSED, Outcome.FAILED)),
        make_grade("eve", outcomes=(Outcome.MISSING, Outcome.MISSING), readable=False),
    )
    whole = overview(ClassGrades(run=run, grades=grades))
    assert (whole.mean, whole.median, whole.complete) == (0.75, 0.75, 1)
    assert whole.bins == (0, 0, 0, 0, 0, 1, 0, 0, 0, 1)


def test_a_written_file_replaces_the_old_one_and_leaves_nothing_else(tmp_path: Path):
    path = tmp_path / "grades.json"
    write_text(path, "old")
    write_text(path, "ünï\r\ncode")
    assert path.read_bytes() == "ünï\r\ncode".encode()
    assert list(tmp_path.iterdir()) == [path]


def test_a_written_file_can_be_read_by_those_whom_the_umask_allows(tmp_path: Path):
    before = os.umask(0o022)
    try:
        write_text(tmp_path / "grades.json", "{}")
    finally:
        os.umask(before)
    assert (tmp_path / "grades.json").stat().st_mode & 0o777 == 0o644


def test_a_link_is_written_through(tmp_path: Path):
    (tmp_path / "real.json").write_text("old")
    (tmp_path / "link.json").symlink_to("real.json")
    write_text(tmp_path / "link.json", "new")
    assert (tmp_path / "link.json").is_symlink()
    assert (tmp_path / "real.json").read_text() == "new"


def test_a_pipe_is_written_to_and_not_replaced(tmp_path: Path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    write_text(pipe, "text")
    assert os.read(reader, 10) == b"text"
    os.close(reader)
    assert pipe.is_fifo()


@pytest.mark.parametrize("name", ["", "missing/grades.json", "file/grades.json"])
def test_a_path_that_cannot_be_written_is_one_sentence(tmp_path: Path, name: str):
    (tmp_path / "file").write_text("")
    for attempt in (check_writable, lambda path: write_text(path, "text")):
        with pytest.raises(ReportError) as raised:
            attempt(tmp_path / name)
        assert str(tmp_path) in str(raised.value)
        assert "\n" not in str(raised.value)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_checking_a_path_leaves_it_as_it_is(tmp_path: Path):
    path = tmp_path / "grades.json"
    check_writable(path)
    assert not path.exists()
    path.write_text("old")
    check_writable(path)
    assert path.read_text() == "old"


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ReportError, match="cannot be made"):
        make_folder(tmp_path / "file" / "report")


def test_the_page_is_written_into_a_new_folder(tmp_path: Path, small_class):
    path = write_html(small_class, tmp_path / "a" / "report")
    assert path == tmp_path / "a" / "report" / "index.html"
    assert path.read_text(encoding="utf-8").startswith("<!doctype html>")


def test_points_on_top_of_what_is_possible_have_a_sign():
    assert out_of(2.5, 10) == "2.5 of 10"
    assert out_of(0, 0) == "0 of 0"
    assert (out_of(5, 0), out_of(-5, 0, " / ")) == ("+5", "−5")
