"""A class of 120 from each platform: everybody gets what the table says, wherever one looks."""

from __future__ import annotations

import csv
import html
import json
import re
import shutil
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import made_up_class
import pytest
from command import moelab_here
from made_up_class import POSSIBLE, Student, students

pytestmark = [pytest.mark.slow, pytest.mark.sandbox]

ROOT = Path(__file__).resolve().parents[2]
COURSE = "toy_of_a_large_class"
_ROW = re.compile(
    r'<tr id="s\d+" data-state="([a-z ]+)"(?: class="old")?><th scope="row"><a href="[^"]*"><bdi>'
    r'(.*?)</bdi>.*?data-sort="([0-9.]+)"',
    re.DOTALL,
)


@dataclass(frozen=True)
class Graded:
    """What was written for one platform's class."""

    platform: str
    folder: Path
    said: str

    @property
    def in_teams(self) -> bool:
        return self.platform in ("gradescope", "moodle_teams")

    def rows(self, name: str) -> list[dict[str, str]]:
        with (self.folder / name).open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    @property
    def people(self) -> dict[str, str]:
        """What the roster calls each student, by address; namesakes with their address."""
        names = {
            "canvas": lambda one: f"{one.last}, {one.first}",
            "moodle": lambda one: one.full,
            "moodle_teams": lambda one: one.full,
            "gradescope": lambda one: one.full,
        }[self.platform]
        times = Counter(map(names, students()))
        return {
            one.email: names(one) + (f" ({one.email})" if times[names(one)] > 1 else "")
            for one in students()
        }


@pytest.fixture(scope="module", params=["canvas", "moodle", "moodle_teams", "gradescope"])
def graded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Graded:
    """The class as one platform exports it, graded by one command; Moodle's from within."""
    folder = tmp_path_factory.mktemp(request.param)
    skipped = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "tests" / "courses" / "toycourse", folder / COURSE, ignore=skipped)
    export = getattr(made_up_class, request.param)(folder)
    within = request.param == "moodle"
    files = [f"--{kind}={folder / kind}.csv" for kind in ("csv", "canvas", "moodle")]
    ended = moelab_here(
        *("grade", "." if within else export, "--course", folder / COURSE, "--assignment", "toy"),
        *("--roster", folder / "roster.csv", "--seed", "class", "--jobs", "2", *files),
        *(f"--json={folder / 'grades.json'}", f"--html={folder / 'page'}"),
        cwd=export if within else folder,
    )
    assert ended.status == 1, ended.err  # "two versions" are a question for a person
    return Graded(request.param, folder, ended.out + ended.err)


def expected(student: Student) -> tuple[float, str]:
    return student.score, student.status


def test_the_grade_file_has_everybody_with_the_right_grade(graded: Graded) -> None:
    content = json.loads((graded.folder / "grades.json").read_text(encoding="utf-8"))
    counting = [grade for grade in content["grades"] if grade["counts"]]
    found = {
        email: (grade["score"], grade["status"])
        for grade in counting
        for email in grade["email"].split(", ")
    }
    assert found == {one.email: expected(one) for one in students()}
    assert {grade["possible"] for grade in counting} == {POSSIBLE}
    for grade in counting:
        emails = grade["email"].split(", ")
        assert grade["student"] == ", ".join(graded.people[email] for email in emails)
    late = {grade["email"] for grade in counting if grade["late"]}
    on_canvas = graded.platform == "canvas"
    assert late == {one.email for one in students() if on_canvas and one.kind == "late"}


def test_the_table_has_everybody_with_the_right_grade_and_adds_up(graded: Graded) -> None:
    rows = graded.rows("csv.csv")
    found = {
        email: (float(row["score"]), row["status"])
        for row in rows
        if row["counts"] == "true"
        for email in row["email"].split(", ")
    }
    assert found == {one.email: expected(one) for one in students()}
    earned = sum(float(row["score"] or 0) * len(row["email"].split(", ")) for row in rows)
    assert earned == sum(one.score for one in students())
    for row in rows:
        if row["counts"] == "true":
            parts = [float(row[name]) for name in ("expert_load", "busiest_expert", "load_gap")]
            assert float(row["score"]) == sum(parts)


def test_the_page_shows_everybody_with_the_right_grade(graded: Graded) -> None:
    page = (graded.folder / "page" / "index.html").read_text(encoding="utf-8")
    shown = {html.unescape(name): (float(score), state) for state, name, score in _ROW.findall(page)
             if state != "replaced"}  # fmt: skip
    of_name = {graded.people[one.email]: expected(one) for one in students()}
    wanted = {name: of_name[name.split(", ")[0] if graded.in_teams else name] for name in shown}
    assert {name: (score, state.replace(" ", "_")) for name, (score, state) in shown.items()} == (
        wanted
    )
    everybody = [one for name in shown for one in (name.split(", ") if graded.in_teams else [name])]
    assert sorted(everybody) == sorted(graded.people.values())


def test_canvas_gets_everybodys_grade(graded: Graded) -> None:
    rows = graded.rows("canvas.csv")[1:]  # below the points possible
    assert len(rows) == 120
    column = "Toy (77)" if graded.platform == "canvas" else "toy"
    for one, row in zip(students(), rows, strict=True):
        assert row[column] == ("" if one.status == "absent" else f"{one.score:g}")
        if graded.platform == "canvas":
            assert row["ID"] == str(1000 + one.number)


def test_moodle_gets_everybodys_grade(graded: Graded) -> None:
    rows = graded.rows("moodle.csv")
    here = [one for one in students() if one.status != "absent"]
    scale = 2 if graded.platform.startswith("moodle") else 1
    found = {row["Email address"]: row["Grade"] for row in rows}
    assert found == {one.email: f"{scale * one.score:g}" for one in here}
    if graded.platform.startswith("moodle"):
        numbers = [row["Identifier"] for row in rows]
        assert numbers == [f"Participant {2000 + one.number}" for one in here]


def test_nobody_is_a_stranger_and_the_gradebook_lies_outside(graded: Graded) -> None:
    assert "nobody in the roster" not in graded.said
    assert "8 students handed in nothing" in graded.said
    assert (graded.folder / "gradebook.db").is_file()
    if graded.platform == "moodle":
        assert "The gradebook is ../gradebook.db" in graded.said
