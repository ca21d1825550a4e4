"""Reports without names: stable pseudonyms, and a key that is kept apart."""

from __future__ import annotations

import csv
import stat
from dataclasses import replace

import pytest

from autograder.cli.main import run as moelab
from autograder.gradebook import Gradebook
from autograder.records import ClassGrades, Enrolment, Outcome
from autograder.report.anonymous import Pseudonyms
from autograder.report.overview import sections

NAMES = ("Ada Lovelace", "Bob Smith", "Ada Lovelace (2)")


@pytest.fixture
def gradebook(tmp_path, run, make_grade):
    path = tmp_path / "gradebook.db"
    with Gradebook.open(str(path)) as book:
        number = book.start_run(run)
        for place, name in enumerate(NAMES):
            told = (Outcome.FAILED, Outcome.PASSED)
            grade = make_grade(
                name,
                submission=f"lovelace_{place}.ipynb",
                outcomes=told,
                message=f"written by {name}",
                notes=(f"does not count beside lovelace_{place}.ipynb",),
            )
            identity = (f"email person{place}@example.org",)
            exercises = tuple(replace(one, code=f"# {name}\nx = 1") for one in grade.exercises)
            book.record(number, replace(grade, identity=identity, exercises=exercises))
    return path


def test_no_report_names_anybody_and_pseudonyms_stay_the_same(gradebook, tmp_path, capsys):
    def reported(folder: str) -> str:
        out = tmp_path / folder
        files = [
            *("--json", f"{out}.json", "--csv", f"{out}.csv", "--html", f"{out}-page"),
            *("--feedback", f"{out}-feedback", "--gradescope", f"{out}-gradescope.json"),
            *("--term", f"{out}-term.csv", "--key", str(tmp_path / "key.csv"), "--anonymous"),
        ]
        assert moelab(["report", str(gradebook), *files]) == 0
        return capsys.readouterr().out

    told = [reported("first"), reported("second")]
    paths = [p for p in tmp_path.rglob("*") if p.is_file() and p.name not in ("key.csv",)]
    texts = [p.read_bytes() for p in paths if "gradebook" not in p.name]
    assert len(texts) > 10
    for text in (*told, *(one.decode("utf-8") for one in texts), *(str(p.name) for p in paths)):
        for name in ("lovelace", "ada l", "smith", "person0", "example.org"):
            assert name not in text.lower()
    first, second = ((tmp_path / f"{n}.csv").read_text() for n in ("first", "second"))
    assert first == second
    students = [row["student"] for row in csv.DictReader(first.splitlines())]
    assert len(set(students)) == 3
    assert students == sorted(students), "their order tells nothing"
    key = tmp_path / "key.csv"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    with key.open(encoding="utf-8", newline="") as file:
        who = {row["pseudonym"]: row["student"] for row in csv.DictReader(file)}
    assert sorted(who) == students
    assert sorted(who.values()) == sorted(NAMES)


def test_files_that_go_back_to_people_are_refused(gradebook, tmp_path, capsys):
    for option in (["--canvas", str(tmp_path / "c.csv")], ["--feedback-zip", "mail"]):
        assert moelab(["report", str(gradebook), "--anonymous", *option]) == 2
        assert "--anonymous hides it" in capsys.readouterr().err


def test_a_file_that_is_no_key_is_not_overwritten(gradebook, tmp_path, capsys):
    other = tmp_path / "other.csv"
    other.write_text("name\nAda\n")
    assert moelab(["report", str(gradebook), "--anonymous", "--key", str(other)]) == 2
    assert "is no key to pseudonyms" in capsys.readouterr().err
    assert other.read_text() == "name\nAda\n"


def test_namesakes_stay_two_people_and_one_person_stays_one(tmp_path, run, make_grade):
    names = Pseudonyms(tmp_path / "key.csv")
    ada = replace(make_grade("Ada"), enrolment=Enrolment(email="a@example.org", section="1"))
    other = replace(make_grade("Ada"), enrolment=Enrolment(email="b@example.org", section="1"))
    assert names.of(ada) != names.of(other)
    assert names.of(ada) == names.of(replace(ada, submission="later.ipynb"))
    (one, _) = names.anonymous(ClassGrades(run=run, grades=(ada, other))).grades
    assert (one.section, one.email, one.digest) == ("1", "", "")


def test_sections_have_their_own_statistics(run, make_grade):
    half = (Outcome.PASSED, Outcome.FAILED)
    grades = (
        replace(make_grade("a"), enrolment=Enrolment(section="01")),
        replace(make_grade("b", outcomes=half), enrolment=Enrolment(section="01")),
        replace(make_grade("c", outcomes=half), enrolment=Enrolment(section="02")),
        replace(make_grade("d", readable=False), enrolment=Enrolment(section="02")),
    )
    first, second = sections(ClassGrades(run=run, grades=grades))
    assert (first.name, first.graded, first.mean, first.complete) == ("01", 2, 0.75, 1)
    assert (second.graded, second.median) == (1, 0.5)
    assert sections(ClassGrades(run=run, grades=grades[:2])) == ()
