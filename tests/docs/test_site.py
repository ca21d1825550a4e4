"""The documentation is true: links lead somewhere, its course proves itself, formats fit."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import click
import jsonschema
import pytest

from autograder.authoring.course import load_assignment
from autograder.cli.main import moelab
from autograder.courses import course_at
from autograder.edition.write import build
from autograder.records import Evidence, Outcome
from autograder.report.grade_file import grade_file
from autograder.verify.prove import verify
from autograder.verify.records import Rule

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.fixture(scope="module")
def links() -> ModuleType:
    spec = importlib.util.spec_from_file_location("links_of_the_site", DOCS / "links.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_links_and_anchors_that_lead_nowhere_are_found(links, tmp_path):
    (tmp_path / "a b.html").write_text('<h1 id="here">A</h1><a href="https://elsewhere.org">x</a>')
    page = tmp_path / "page.html"
    sound = (
        '<h2 id="own">Own</h2><a href="a%20b.html#here">1</a><a href="#own">2</a><a href="#">3</a>'
    )
    page.write_text(sound)
    assert links.broken_in_site(tmp_path) == []
    page.write_text(
        f'{sound}<a href="a%20b.html#there">4</a><img src="none.png"><a href="#no">5</a>'
    )
    assert links.broken_in_site(tmp_path) == [
        "page.html: a%20b.html#there: that page has no such anchor",
        "page.html: none.png leads to no file",
        "page.html: #no: that page has no such anchor",
    ]


def test_links_in_markdown_outside_the_site_are_checked(links, tmp_path):
    page = tmp_path / "README.md"
    page.write_text("[a](README.md#x) [b](https://a.org) [c](gone.md)\n```\n[d](no.md)\n```\n")
    assert links.broken_in_markdown(page) == [f"{page}: gone.md leads to no file"]


def test_the_course_of_the_tutorial_proves_itself_as_the_tutorial_says(tmp_path):
    shutil.copytree(DOCS / "tutorials" / "my_course", tmp_path / "my_course")
    assignment = load_assignment("capacity_lab", course_at(str(tmp_path / "my_course")))
    build([assignment], tmp_path)
    report = verify(assignment, tmp_path, jobs=1)
    assert report.findings == ()
    tutorial = (DOCS / "tutorials" / "your-own-course.md").read_text(encoding="utf-8")
    assert f"all {len(Rule)} rules hold (1 exercises, {assignment.possible:g} points)" in tutorial


def test_a_grade_file_fits_the_schema_and_the_page_names_every_key(small_class):
    schema = json.loads((DOCS / "reference" / "grade-file.schema.json").read_text())
    first, *others = small_class.grades
    exercise, *rest = first.exercises
    failed = replace(
        exercise.checks[0],
        outcome=Outcome.FAILED,
        hint="Mind the mask.",
        promises=("Padding does not count.",),
        evidence=Evidence(call="f(2)", got="3", expected="4"),
    )
    full = replace(first, exercises=(replace(exercise, checks=(failed,)), *rest))
    written = json.loads(grade_file(replace(small_class, grades=(full, *others))))
    jsonschema.validate(written, schema)
    check = written["grades"][0]["exercises"][0]["checks"][0]
    assert {"hint", "promises", "evidence"} <= set(check)

    page = (DOCS / "reference" / "grade-file.md").read_text(encoding="utf-8")
    said = set(re.findall(r"`(\w+)`", page))
    keys = {*written, *written["grades"][0], *written["grades"][0]["exercises"][0], *check}
    assert keys - said == set()
    assert {outcome.value for outcome in Outcome} <= said

    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**written, "isolation": "somehow"}, schema)


def test_every_option_that_the_documentation_shows_exists():
    known = {
        name: {option for one in command.params for option in (*one.opts, *one.secondary_opts)}
        for name, command in moelab.commands.items()
    }
    wrong = []
    for page in sorted(DOCS.rglob("*.md")):
        for line in page.read_text(encoding="utf-8").splitlines():
            for command, rest in re.findall(r"moelab (\w+)((?: [^`#&|]*)?)", line):
                if command not in known:
                    continue
                options = set(re.findall(r"(?<!\S)--[a-z-]+", rest)) - {"--help"}
                wrong += [f"{page.name}: {command} {one}" for one in options - known[command]]
    assert wrong == []
    assert isinstance(moelab, click.Group)
