"""More solutions of `dropped_share`: a right one in another style, and known mistakes."""

from __future__ import annotations

import torch

from my_course.capacity_lab.dropped_share import dropped_share, exercise
from my_course.capacity_lab.dropped_share.checks import no_tokens, one_busy_expert, random_counts


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
