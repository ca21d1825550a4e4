"""Which misconception is named for a wrong answer, and when none is."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch

from autograder import Exercise, given
from autograder.authoring.given import Given
from autograder.grading.fixtures import Fixtures
from autograder.grading.judge import judge_exercise
from autograder.grading.misconceptions.naming import Misconceptions
from autograder.grading.sessions import LocalSession
from autograder.records import ExerciseGrade, Outcome
from autograder.session import Interrupted
from moelab_kit import Answer
from moelab_kit.calls import Call, Reply

exercise = Exercise("shares")


@exercise.solution
def shares(values: torch.Tensor, power: int = 1) -> torch.Tensor:
    """Return the values' share of their sum, raised to a power."""
    return (values / values.sum()) ** power


@exercise.law(points=1)
def halves(answer: Answer) -> None:
    """Two equal values are halves."""
    assert answer(torch.full((2,), 3.0)).tolist() == [0.5, 0.5], "two equal values are halves"


@exercise.agrees(points=2)
def random_values(rng: np.random.Generator) -> Iterator[Given]:
    """Agrees with the reference."""
    for power in (1, 2, 3):
        yield given(torch.from_numpy(rng.uniform(1, 2, size=5)).float(), power)


@exercise.law(points=1, hidden=True)
def leaves_the_values(answer: Answer, rng: np.random.Generator) -> None:
    """The values stay as they were, also those that come one by one."""
    values = torch.from_numpy(rng.uniform(1, 2, size=3)).float()
    answer(values)
    assert not answer.left_behind, answer.left_behind


@exercise.chaff(caught_by=(halves, random_values))
def divides_by_the_number(values: torch.Tensor, power: int = 1) -> torch.Tensor:
    """Divides by the number of values.

    The shares add up to 1: divide by the sum."""
    return (values / len(values)) ** power


@exercise.chaff(caught_by=random_values)
def ignores_the_power(values: torch.Tensor, power: int = 1) -> torch.Tensor:
    """Forgets the power."""
    return values / values.sum()


@exercise.chaff(caught_by=random_values)
def nothing_for_cubes(values: torch.Tensor, power: int = 1) -> torch.Tensor:
    """Knows no cubes: every power is possible."""
    return (values / values.sum()) ** power * (torch.nan if power == 3 else 1)


@exercise.chaff(caught_by=random_values)
def gives_no_cubes(values: torch.Tensor, power: int = 1) -> torch.Tensor:
    """Knows no cubes either."""
    return (values / values.sum()) ** power + (torch.nan if power == 3 else 0)


@exercise.chaff(caught_by=leaves_the_values)
def divides_in_place(values: torch.Tensor, power: int = 1) -> torch.Tensor:
    """Divides the caller's own values: work on a copy."""
    return values.div_(values.sum()) ** power


@exercise.chaff(caught_by=(halves, random_values))
def adds_noise(values: torch.Tensor, power: int = 1) -> torch.Tensor:
    """Leaves the shares to chance."""
    return (values / values.sum()) ** power + torch.rand(())


@exercise.chaff(caught_by=(halves, random_values, leaves_the_values))
def knows_no_sum(values: torch.Tensor, power: int = 1) -> torch.Tensor:
    """Asks for a key that is not there."""
    raise KeyError("sum")


class Counting:
    """A student's function whose calls are counted, with the powers that were asked for."""

    def __init__(self, function: Callable[..., Any], fixtures: Fixtures) -> None:
        self.calls = 0
        self.powers: set[int] = set()
        self._session = LocalSession({exercise.name: function}, fixtures.bench)

    def perform(self, call: Call, time_limit: float | None = None) -> Reply:
        self.calls += 1
        self.powers.update(call.args[1:])
        return self._session.perform(call, time_limit)


@pytest.fixture(scope="module")
def fixtures() -> Fixtures:
    return Fixtures("toy", "a seed")


@pytest.fixture(scope="module")
def misconceptions(fixtures: Fixtures) -> Misconceptions:
    return Misconceptions(fixtures)


@pytest.fixture
def explained(fixtures: Fixtures, misconceptions: Misconceptions):
    def explain(function: Callable[..., Any]) -> ExerciseGrade:
        session = LocalSession({exercise.name: function}, fixtures.bench)
        grade = judge_exercise(exercise, session, fixtures)
        (with_hints,) = misconceptions.explain([exercise], [grade], session)
        assert [c.outcome for c in with_hints.checks] == [c.outcome for c in grade.checks]
        assert with_hints.score == grade.score
        return with_hints

    return explain


def named(grade: ExerciseGrade) -> list[str | None]:
    return [check.misconception for check in grade.checks]


def test_the_same_mistake_in_another_style_is_named_with_its_hint(explained) -> None:
    def by_numpy(values, power=1):
        return torch.tensor((values.numpy() / values.numel()) ** power)

    grade = explained(by_numpy)
    assert named(grade) == ["divides_by_the_number", "divides_by_the_number", None]
    assert {check.hint for check in grade.checks} == {
        "Divides by the number of values. The shares add up to 1: divide by the sum.",
        "",
    }


def test_what_a_call_leaves_behind_is_compared_too(explained) -> None:
    def in_place(values, power=1):
        values *= 1 / values.sum()
        return values**power

    assert named(explained(in_place)) == [None, None, "divides_in_place"]


def test_another_mistake_with_the_same_failed_checks_is_not_named(explained) -> None:
    assert named(explained(lambda values, power=1: values / values.max())) == [None] * 3


def test_a_mistake_that_shows_in_a_later_call_only_is_not_named(explained) -> None:
    def half_right(values, power=1):
        return (values / len(values)) ** (power if power < 3 else 7)

    assert named(explained(half_right)) == [None] * 3


def test_none_of_two_that_behave_alike_is_named(explained) -> None:
    grade = explained(nothing_for_cubes)
    assert [check.outcome for check in grade.checks][1] is Outcome.FAILED
    assert named(grade) == [None] * 3


def test_an_exception_is_recognised_by_its_type(explained) -> None:
    def looks_up(values, power=1):
        return {}[values]

    def raises(values, power=1):
        raise RuntimeError("sum")

    assert named(explained(looks_up)) == ["knows_no_sum"] * 3
    assert named(explained(raises)) == [None] * 3


def test_chance_is_recognised_as_chance(explained) -> None:
    def shaken(values, power=1):
        return (values / values.sum()) ** power + torch.randn(())

    assert named(explained(shaken)) == ["adds_noise", "adds_noise", None]


def test_a_blank_or_missing_answer_has_no_misconception(explained) -> None:
    def blank(values, power=1):
        raise NotImplementedError

    assert named(explained(blank)) == [None] * 3
    assert named(explained(None)) == [None] * 3


def test_a_right_answer_costs_no_further_call(
    fixtures: Fixtures, misconceptions: Misconceptions
) -> None:
    session = Counting(shares, fixtures)
    grade = judge_exercise(exercise, session, fixtures)
    calls = session.calls
    assert misconceptions.explain([exercise], [grade], session) == (grade,)
    assert session.calls == calls


def test_the_checks_pass_their_own_way_so_that_all_calls_are_compared(
    fixtures: Fixtures, misconceptions: Misconceptions
) -> None:
    session = Counting(divides_by_the_number, fixtures)
    grade = judge_exercise(exercise, session, fixtures)
    assert session.powers == {1}
    misconceptions.explain([exercise], [grade], session)
    assert session.powers == {1, 2, 3}


def test_what_gets_slow_ends_the_search_and_keeps_its_points(
    fixtures: Fixtures, misconceptions: Misconceptions
) -> None:
    class Slower(Counting):
        def perform(self, call: Call, time_limit: float | None = None) -> Reply:
            reply = super().perform(call, time_limit)
            if self.calls > 5:
                time.sleep(0.05)
            return reply

    session = Slower(divides_by_the_number, fixtures)
    grade = judge_exercise(exercise, session, fixtures)
    (explained,) = misconceptions.explain([exercise], [grade], session, seconds=0.06)
    assert explained == grade
    assert session.calls <= 8


@pytest.mark.parametrize("error", [Interrupted(Outcome.DIED, "gone"), RecursionError("deep")])
def test_whatever_breaks_while_searching_costs_nothing(
    fixtures: Fixtures, misconceptions: Misconceptions, error: Exception
) -> None:
    class Breaks(Counting):
        def perform(self, call: Call, time_limit: float | None = None) -> Reply:
            reply = super().perform(call, time_limit)
            if self.calls > 6:
                raise error
            return reply

    session = Breaks(divides_by_the_number, fixtures)
    grade = judge_exercise(exercise, session, fixtures)
    assert misconceptions.explain([exercise], [grade], session) == (grade,)


def test_searching_changes_no_random_numbers(
    fixtures: Fixtures, misconceptions: Misconceptions
) -> None:
    session = LocalSession({exercise.name: divides_by_the_number}, fixtures.bench)
    grade = judge_exercise(exercise, session, fixtures)
    torch.manual_seed(7)
    misconceptions.explain([exercise], [grade], session)
    drawn = torch.rand(())
    torch.manual_seed(7)
    assert torch.rand(()) == drawn
