r"""# Dropped share

An expert takes at most `capacity` tokens and drops the rest. `counts` [E] holds how many tokens
were sent to each expert. Write `dropped_share(counts, capacity)`.

- [share] The result is the number of dropped tokens, over all experts, divided by the number of all
  tokens: a number between 0 and 1.
- [empty] Raise `ValueError` where no token was sent to any expert.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from autograder import Exercise
from moelab_kit import Answer, difference

exercise = Exercise("dropped_share")


@exercise.solution
def dropped_share(counts: torch.Tensor, capacity: int) -> float:
    """Return the share of tokens beyond `capacity`; `counts` is [E], int64.

    Raises `ValueError` where there are no tokens.
    """
    tokens = int(counts.sum())
    if tokens == 0:
        raise ValueError("no token was sent to any expert")
    return int((counts - capacity).clamp(min=0).sum()) / tokens


@exercise.law(points=1, proves="share")
def one_busy_expert(answer: Answer, rng: np.random.Generator) -> None:
    """Has the right share where one expert gets every token."""
    capacity, beyond = (int(number) for number in rng.integers(2, 20, size=2))
    counts = torch.tensor([0, capacity + beyond, 0, 0])
    wrong = difference(answer(counts, capacity), beyond / (capacity + beyond), where="the share")
    assert not wrong, f"for counts {counts.tolist()} and capacity {capacity}, {wrong}"


@exercise.agrees(points=2, proves="share")
def random_counts(rng: np.random.Generator) -> Iterator[tuple[torch.Tensor, int]]:
    """Agrees with the reference on random counts."""
    for experts in (2, 5, 16, 64):
        yield torch.from_numpy(rng.integers(0, 12, size=experts)) + 1, 6


@exercise.law(points=1, proves="empty", hidden=True)
def no_tokens(answer: Answer) -> None:
    """Is a ValueError without tokens, and a number as soon as there is one."""
    wrong = difference(answer(torch.tensor([0, 1]), 1), 0.0, where="the share")
    assert not wrong, f"a single token fits; {wrong}"
    assert answer.raises(ValueError, torch.zeros(3, dtype=torch.int64), 1), (
        "no tokens were accepted; they should be a ValueError"
    )


@exercise.wheat
def loops_over_experts(counts: torch.Tensor, capacity: int) -> float:
    """Python's own numbers, one expert after the other."""
    every = counts.tolist()
    if not any(every):
        raise ValueError("no tokens")
    return sum(count - capacity for count in every if count > capacity) / sum(every)


@exercise.chaff(caught_by=random_counts)
def busiest_expert_alone(counts: torch.Tensor, capacity: int) -> float:
    """Looks at the busiest expert alone; every expert beyond its capacity drops tokens."""
    dropped_share(counts, capacity)
    return max(0, int(counts.max()) - capacity) / int(counts.sum())


@exercise.chaff(caught_by=(one_busy_expert, random_counts, no_tokens))
def free_room_counts(counts: torch.Tensor, capacity: int) -> float:
    """Lets the free room of one expert make up for another's. Dropped tokens do not move."""
    dropped_share(counts, capacity)
    return int((counts - capacity).sum()) / int(counts.sum())


@exercise.chaff(caught_by=(one_busy_expert, random_counts))
def share_of_experts(counts: torch.Tensor, capacity: int) -> float:
    """Counts experts that are too busy. The exercise asks for tokens."""
    dropped_share(counts, capacity)
    return float((counts > capacity).float().mean())


@exercise.chaff(caught_by=no_tokens)
def zero_without_tokens(counts: torch.Tensor, capacity: int) -> float:
    """Returns 0.0 where there are no tokens. That should be a ValueError."""
    return 0.0 if int(counts.sum()) == 0 else dropped_share(counts, capacity)
