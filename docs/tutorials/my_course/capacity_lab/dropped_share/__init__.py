"""# Dropped share

An expert takes at most `capacity` tokens and drops the rest. `counts` [E] holds how many tokens
were sent to each expert. Write `dropped_share(counts, capacity)`.

- [share] The result is the number of dropped tokens, over all experts, divided by the number of all
  tokens: a number between 0 and 1.
- [empty] Raise `ValueError` where no token was sent to any expert.
"""

from __future__ import annotations

import torch

from autograder import Exercise

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
