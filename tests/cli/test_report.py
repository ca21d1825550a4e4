"""`moelab report` writes what a gradebook holds, and grades nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from autograder.cli.main import run as moelab
from autograder.gradebook import Gradebook
from autograder.records import ClassGrades
from autograder.report.grade_file import read_grade_file


def fill(path: Path, *classes: ClassGrades) -> Path:
    with Gradebook.open(str(path)) as book:
        for class_grades in classes:
            number = book.start_run(class_grades.run)
            for grade in class_grades.grades:
                book.record(number, grade)
    return path


@pytest.fixture
def gradebook(tmp_path: Path, small_class: ClassGrades) -> Path:
    return fill(tmp_path / "gradebook.db", small_class)


def test_the_summary_is_the_result_and_the_rest_goes_to_standard_error(gradebook, tmp_path, capsys):
    assert moelab(["report", str(gradebook), "--csv", str(tmp_path / "grades.csv")]) == 0
    printed = capsys.readouterr()
    assert "ada" in printed.out
    assert max(map(len, printed.out.splitlines())) <= 80
    assert printed.err == f"wrote {tmp_path / 'grades.csv'}\n"


def test_all_reports_are_written_at_once(gradebook, tmp_path, small_class, capsys):
    out = tmp_path / "out"
    out.mkdir()
    files = {kind: out / f"grades.{kind}" for kind in ("json", "csv", "gradescope")}
    options = [word for kind, file in files.items() for word in (f"--{kind}", str(file))]
    assert moelab(["report", str(gradebook), *options, "--html", str(out / "page")]) == 0
    assert set(read_grade_file(files["json"].read_text()).grades) == set(small_class.grades)
    assert files["csv"].read_text().startswith("student,submission,status,score,possible")
    assert len(json.loads(files["gradescope"].read_text())) == 3
    assert (out / "page" / "index.html").is_file()


def test_a_url_is_as_good_as_a_path(gradebook, capsys):
    assert moelab(["report", f"sqlite:///{gradebook}"]) == 0
    assert "ada" in capsys.readouterr().out


def test_several_assignments_are_told_apart(tmp_path, small_class, capsys):
    other = replace(small_class, run=replace(small_class.run, assignment="second_lab"))
    path = str(fill(tmp_path / "g.db", small_class, other))
    assert moelab(["report", path]) == 2
    assert "choose one with --assignment" in capsys.readouterr().err
    assert moelab(["report", path, "--assignment", "second_lab"]) == 0
    assert "second_lab" in capsys.readouterr().out
    assert moelab(["report", path, "--assignment", "third_lab"]) == 2
    assert "third_lab" in capsys.readouterr().err


def test_a_gradebook_without_grades_says_so(tmp_path, capsys):
    assert moelab(["report", str(fill(tmp_path / "g.db"))]) == 2
    assert "holds no grades yet" in capsys.readouterr().err


def test_hostile_names_pass_through_the_whole_way(tmp_path, hostile_class, capsys):
    path = fill(tmp_path / "g.db", hostile_class)
    page = tmp_path / "page"
    assert moelab(["report", str(path), "--html", str(page)]) == 0
    printed = capsys.readouterr().out
    assert "\x1b" not in printed
    assert "<script>alert(1)" in printed
    assert "<script>alert(1)" not in (page / "index.html").read_text(encoding="utf-8")


@pytest.mark.slow
def test_a_reader_that_stops_reading_ends_it_quietly(gradebook):
    command = [sys.executable, "-m", "autograder.cli", "report", str(gradebook)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait() == 1
