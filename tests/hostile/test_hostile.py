"""Every hostile submission, at every level: nothing gained, nothing left, nobody else hurt."""

from __future__ import annotations

import pytest
from arena import LIMITS, Arena, Attack, attacks

pytestmark = pytest.mark.slow

SLACK_SECONDS = 20.0  # for a busy machine: forks, the end of processes

ATTACKS = attacks()


def test_there_are_enough_attacks_and_each_says_what_it_tries() -> None:
    assert len(ATTACKS) >= 50
    outcomes = {
        *("refused", "answered", "failed", "error", "timeout", "memory", "died"),
    }
    for attack in ATTACKS:
        assert attack.tries
        assert attack.success
        assert attack.outcomes <= outcomes, attack.name


@pytest.mark.sandbox
@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_attack_gains_nothing_and_hurts_nobody(attack: Attack, arena: Arena) -> None:
    result = arena.run(attack)
    assert result.gains == ()
    assert result.outcome in attack.outcomes, result.detail
    assert result.seconds < LIMITS.total + SLACK_SECONDS
