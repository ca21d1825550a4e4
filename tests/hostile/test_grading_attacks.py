"""Attacks on grading itself earn nothing, or exactly what their honest part earns."""

from __future__ import annotations

import pytest
from arena import HONEST_LOSS, Arena, Attack, attacks

from autograder.records import Outcome

pytestmark = [pytest.mark.slow, pytest.mark.sandbox]

ATTACKS = attacks("grading")
MESSAGE_LIMIT = 2_000


def test_the_honest_part_of_attacks_earns_everything(arena: Arena) -> None:
    grade = arena.grade(HONEST_LOSS)
    assert grade.possible > 0
    assert grade.score == grade.possible, [check.message for check in grade.checks]


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_attack_on_grading_earns_what_it_declares(attack: Attack, arena: Arena) -> None:
    grade = arena.grade(attack.path.read_bytes(), attack.exercise)
    said = [(check.name, check.outcome.value, check.message) for check in grade.checks]
    assert all(check.outcome is not Outcome.GRADER_ERROR for check in grade.checks), said
    if attack.earns == "at most all":
        assert grade.score <= grade.possible
    elif attack.earns == "less than all":
        assert grade.score < grade.possible, said
    else:
        assert grade.score == {"0": 0.0, "all": grade.possible}[attack.earns], said
    for check in grade.checks:
        assert len(check.message) <= MESSAGE_LIMIT
        assert all(letter.isprintable() or letter in "\n\t" for letter in check.message), said
    honest = arena.grade(HONEST_LOSS)
    assert honest.score == honest.possible
    assert arena.harm() == ()
