"""What an instructor is shown of a failed check: a call, what it gave, and the right answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from autograder import Exercise, given
from autograder.authoring.course import load_assignment
from autograder.authoring.exercise import Exercise as AnyExercise
from autograder.grading.cpu_budget import CpuBudget
from autograder.grading.evidence import Witness
from autograder.grading.fixtures import Fixtures
from autograder.grading.judge import Judging
from autograder.grading.misconceptions.reply_cache import Remembered
from autograder.grading.sessions import LocalSession
from autograder.records import LONGEST_EVIDENCE, CheckResult, Evidence, Outcome
from autograder.session import Interrupted, Session

exercise = Exercise("add_up")


@exercise.solution
def add_up(parts: Any, scale: float = 1.0) -> dict[str, Any]:
    """The sum of the parts, and the running sums."""
    values = torch.tensor([float(part) for part in parts])
    return {"total": scale * float(values.sum()), "running": values.cumsum(0)}


@exercise.law(points=1, hidden=True)
def scales(answer) -> None:
    """Scales the total."""
    small, large = answer(iter([1.5, 2.0]), scale=2.0), answer([1.0])
    assert large["total"] == 1.0, "without a scale, the total is the sum"
    assert small["total"] == 7.0, "the total is scaled"
    assert not answer.left_behind, "something was changed"


@exercise.agrees(points=1)
def many_parts(rng):
    """Adds many parts."""
    yield given(torch.ones(3))
    yield given(torch.arange(1.0, 101.0))


@pytest.fixture(scope="module")
def fixtures() -> Fixtures:
    return Fixtures("toy", "evidence")


def judged(of: AnyExercise, fixtures: Fixtures, session: Session) -> Mapping[str, CheckResult]:
    witness = Witness(of, fixtures, CpuBudget(), Remembered())
    judging = Judging(of, session, fixtures, CpuBudget(), None, lambda result: None, witness)
    judging.run(lambda check: True)
    return {result.name: result for result in judging.grade.checks}


@pytest.fixture
def graded(fixtures) -> Callable[..., Mapping[str, CheckResult]]:
    def grade(function: Any, of: AnyExercise = exercise) -> Mapping[str, CheckResult]:
        session = LocalSession({of.name: function}, fixtures.bench)
        return judged(of, fixtures, session)

    return grade


def test_a_right_answer_has_no_evidence(graded):
    results = graded(add_up)
    assert [one.outcome for one in results.values()] == [Outcome.PASSED] * 2
    assert [one.evidence for one in results.values()] == [None, None]


def test_of_several_calls_the_one_is_shown_whose_reply_is_wrong(graded):
    wrong = graded(lambda parts, scale=1.0: add_up(parts))
    assert wrong["many_parts"].outcome is Outcome.PASSED
    assert wrong["scales"].evidence == Evidence(
        call="add_up([1.5, 2.0], scale=2.0)", got="['total']: 3.5", expected="['total']: 7.0"
    )


def test_of_a_large_tensor_the_entry_is_shown_that_is_the_farthest_off(graded):
    def wrong(parts, scale=1.0):
        right = add_up(parts, scale)
        return right | {"running": right["running"] + (right["running"] > 5000) * 10}

    found = graded(wrong)["many_parts"].evidence
    assert found.call == (
        "add_up([100] float32 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, … (from 1.0 to 100.0))"
    )
    assert found.got == "['running'][99] (1 of 100 values are off): 5060.0"
    assert found.expected == "['running'][99] (1 of 100 values are off): 5050.0"


def test_an_exception_and_a_missing_reply_are_shown_as_such(graded, fixtures):
    class Mine(Exception):
        pass

    def raises(parts, scale=1.0):
        raise Mine("HIDDEN") if isinstance(parts, torch.Tensor) else ValueError("HIDDEN")

    found = graded(raises)
    assert found["scales"].evidence.got == "raised ValueError"
    assert found["many_parts"].evidence.got == "raised an exception"
    assert "'total': 3.0" in found["many_parts"].evidence.expected

    def too_slow(call, time_limit=None):
        raise Interrupted(Outcome.TIMEOUT, "too slow")

    slow = judged(exercise, fixtures, SimpleNamespace(perform=too_slow))
    assert slow["scales"].evidence.got == "no reply (timeout)"
    assert slow["scales"].evidence.call == "add_up([1.5, 2.0], scale=2.0)"


@pytest.mark.slow
def test_what_a_submission_wrote_is_escaped_and_of_bounded_length(graded):
    Leaked = type("Leaked_0_25", (), {})
    nasty = "\x1b[31m\u202e</script>\n" + "x" * 5_000
    for value in (
        {"total": nasty, "running": nasty},
        {nasty: 1.0},
        [nasty] * 1_000,
        Leaked(),
        [[[[[[[1.0] * 9] * 9] * 9] * 9] * 9] * 9],
        {"total": 10**30, "running": torch.empty(1 << 20, 0)},
        torch.full((40, 50), torch.nan),
    ):
        for result in graded(lambda parts, scale=1.0, value=value: value).values():
            assert result.outcome is Outcome.FAILED
            for text in (result.evidence.call, result.evidence.got, result.evidence.expected):
                assert 0 < len(text) <= LONGEST_EVIDENCE
                assert text.isascii() or set(text) - {"…"} <= set(map(chr, range(32, 127)))
                assert "Leaked" not in text


def test_what_a_call_changed_is_shown_beside_its_right_value(graded):
    def changes(parts, scale=1.0):
        right = add_up(parts, scale)
        if isinstance(parts, list):
            parts.append(0.0)
        return right

    found = graded(changes)["scales"]
    assert found.outcome is Outcome.FAILED
    assert "and changed: " in found.evidence.got
    assert found.evidence.expected.endswith(", and no change")


def test_models_and_modules_are_called_by_name():
    lab = load_assignment("moe_router_analysis")
    routers = lab.exercise("find_router_layers")
    fixtures = Fixtures(lab.name, "evidence")
    first = LocalSession(
        {routers.name: lambda model: routers.solution_function(model)[1:]}, fixtures.bench
    )
    found = [one.evidence for one in judged(routers, fixtures, first).values() if one.evidence]
    assert found
    assert all(one.call.startswith("find_router_layers(<") for one in found)
    assert any("mlp.gate>" in one.expected for one in found)


def test_figures_are_told_apart_by_what_they_show():
    lab = load_assignment("moe_router_analysis")
    plot = lab.exercise("plot_loss_scenarios")
    fixtures = Fixtures(lab.name, "evidence")

    def counts(scenarios):
        figure = plot.solution_function(scenarios)
        for axes in figure.axes:
            for bar in axes.patches:
                bar.set_height(2 * bar.get_height())
        return figure

    results = judged(plot, fixtures, LocalSession({plot.name: counts}, fixtures.bench))
    found = [one.evidence for one in results.values() if one.hidden and one.evidence]
    assert any("panel 0: bars" in one.got and "panel 0: bars" in one.expected for one in found)
    assert all(one.got != one.expected for one in found)
