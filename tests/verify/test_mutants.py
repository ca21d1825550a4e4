"""Mutants of a reference: made once each, tried in processes of their own, told with lines."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from autograder.cli.main import run as run_command
from autograder.verify.mutants.keeping import Kept
from autograder.verify.mutants.making import Mutant, MutantsMissing, Original, mutants_of
from autograder.verify.mutants.trying import Fate, try_mutants
from autograder.verify.stage import Stage

for tool in ("cosmic_ray", "mutmut"):
    pytest.importorskip(tool, reason="moelab[mutants] is not installed here")

NEVER_MIND = """
exercise.equivalent(
    "if load.numel() == 0:",
    "if load.numel() <= 0:",
    because="a tensor never has less than no elements",
)
"""


@dataclass(frozen=True)
class Tried:
    """What one run of the command gave."""

    status: int
    out: str
    err: str
    data: dict[str, Any]
    table: str
    cache: Path

    def exercise(self, name: str) -> dict[str, Any]:
        return next(one for one in self.data["exercises"] if one["name"] == name)


class Runner:
    def __init__(self, course: Any, folder: Path) -> None:
        self.course, self.folder = course, folder

    def __call__(self, capfd: pytest.CaptureFixture[str], *names: str) -> Tried:
        capfd.readouterr()
        files = {option: self.folder / option for option in ("cache", "json", "table")}
        options = [text for name, path in files.items() for text in (f"--{name}", str(path))]
        course = str(self.course.folder)
        status = run_command(
            ["verify", "--mutants", *names, "--jobs", "2", "--course", course, *options]
        )
        printed = capfd.readouterr()
        data = json.loads(files["json"].read_text())
        return Tried(
            status, printed.out, printed.err, data, files["table"].read_text(), files["cache"]
        )


@pytest.fixture(scope="module")
def runner(lasting_toy_course, tmp_path_factory):
    path = lasting_toy_course.folder / "toy" / "busiest_expert.py"
    path.write_text(path.read_text() + NEVER_MIND)
    return Runner(lasting_toy_course, tmp_path_factory.mktemp("results"))


@pytest.fixture
def toy(toy_course):
    return toy_course.load()


def made(toy, name: str) -> list[Mutant]:
    return list(mutants_of(Original.of(toy.exercise(name))))


def changes(mutants: list[Mutant]) -> set[tuple[str, str]]:
    return {(one.was.strip(), one.becomes.strip()) for one in mutants}


def test_all_three_tools_make_mutants_of_a_reference_and_its_helpers(toy):
    mutants = made(toy, "busiest_expert")
    assert {one.tool for one in mutants} == {"cosmic-ray", "mutmut", "moelab"}
    found = changes(mutants)
    assert ("largest = load.max()", "largest = load.min()") in found
    assert ("if load.numel() == 0:", "if load.numel() != 0:") in found
    assert ("if load.numel() == 0:", "if load.numel() <= 0:") in found


def test_a_mutant_tells_the_line_of_the_file(toy):
    original = Original.of(toy.exercise("busiest_expert"))
    lines = original.path.read_text().splitlines()
    for mutant in mutants_of(original):
        assert lines[mutant.line - 1] == mutant.was.splitlines()[0]


def test_no_mutant_is_made_twice_and_none_differs_in_words_alone(toy):
    mutants = made(toy, "busiest_expert")
    assert len({one.digest for one in mutants}) == len(mutants)
    assert not any("the load of no expert" in one.was and "raise" in one.becomes for one in mutants)


def test_only_the_reference_is_mutated_and_no_check(toy):
    text = Original.of(toy.exercise("busiest_expert")).text
    assert "def busiest_expert" in text
    assert "finds_the_largest" not in text
    assert "exercise" not in text


def fate_of(toy, name: str, becomes: str, **limits: float) -> Fate:
    """What comes of a reference whose last statement is replaced."""
    original = Original.of(toy.exercise(name))
    head, _, last = original.text.rstrip("\n").rpartition("\n")
    mutant = Mutant(name, "test", f"{head}\n    {becomes}\n", 1, last, becomes)
    ((_, fate),) = try_mutants(Stage("toy", "a seed"), original, [mutant], jobs=1, **limits)
    return fate


@pytest.mark.parametrize(
    ("becomes", "fate"),
    [
        ("return int(torch.nonzero(load == largest).min())", Fate()),
        ("return int(load.argmin())", Fate("finds_the_largest", "failed")),
        ("return nothing_of_this_name", Fate("finds_the_largest", "error")),
        ("import os; os._exit(0)", Fate("(its process)", "died")),
        ("return torch.zeros(2**34)", Fate("finds_the_largest", "error")),
    ],
)
def test_the_first_check_that_fails_kills_a_mutant(toy, becomes, fate):
    assert fate_of(toy, "busiest_expert", becomes) == fate


@pytest.mark.slow
def test_an_endless_mutant_is_killed(toy):
    assert fate_of(toy, "busiest_expert", "while True: pass", shortest=1.0).killed


@pytest.mark.slow
def test_a_run_tells_survivors_equivalents_and_stale_explanations(runner, capfd):
    tried = runner(capfd, "busiest_expert")
    found = tried.exercise("busiest_expert")
    assert tried.status == 1
    (equivalent,) = found["equivalent"]
    assert equivalent["becomes"].strip() == "if load.numel() <= 0:"
    assert found["killed"] + len(found["survivors"]) + 1 == found["mutants"]
    assert found["stale"] == []
    assert found["not_tried"] == 0
    assert found["survivors"]
    for survivor in found["survivors"]:
        assert f"busiest_expert.py:{survivor['line']}: busiest_expert: no check sees" in tried.out
        assert f"  + {survivor['becomes']}" in tried.out
    row = f"| busiest_expert | {found['mutants']} | {found['killed']} | 1 |"
    assert row in tried.table

    again = runner(capfd, "busiest_expert")
    assert again.data == tried.data
    assert f"{found['mutants']} of them tried in an earlier run" in again.err


def test_an_unknown_name_is_told(runner, capfd):
    course = str(runner.course.folder)
    assert run_command(["verify", "--mutants", "no_such", "--course", course]) == 2
    assert "no assignment and no exercise 'no_such'" in capfd.readouterr().err


def test_results_are_kept_line_by_line_for_their_revision_alone(tmp_path, toy):
    one, other, *_ = made(toy, "busiest_expert")
    path = tmp_path / "cache" / "kept.jsonl"
    Kept(path, "r1").keep(one, Fate("check", "failed"))
    path.write_text(path.read_text() + '{"mutant": "cut of')
    Kept(path, "r1").keep(other, Fate())
    again = Kept(path, "r1")
    assert again.fate(one) == Fate("check", "failed")
    assert again.fate(other) == Fate()
    assert Kept(path, "r2").fate(one) is None


def test_without_the_tools_the_message_says_what_to_install(toy, monkeypatch):
    monkeypatch.setitem(sys.modules, "cosmic_ray.mutating", None)
    monkeypatch.delitem(sys.modules, "autograder.verify.mutants.tools", raising=False)
    with pytest.raises(MutantsMissing, match=r"pip install .*\[mutants\]"):
        made(toy, "busiest_expert")
