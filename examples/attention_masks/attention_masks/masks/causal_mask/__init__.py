"""# The causal mask

Row i of a mask belongs to the token that asks, column j to the token that it may listen to. Write
`causal_mask(length, window=None)` for `length` tokens, at least 1.

- [causal] A token may listen to itself and to all tokens before it: row i is true where j ≤ i, and
  false elsewhere.
- [window] With a `window` it listens to the last `window` of these tokens alone, itself among them.
- [tensor] The result is a tensor of bool, [length, length].
- [positive] Raise `ValueError` for a `window` below 1.
"""

from __future__ import annotations

import torch

from autograder import Exercise

exercise = Exercise("causal_mask")


@exercise.solution
def causal_mask(length: int, window: int | None = None) -> torch.Tensor:
    """Return which token may listen to which, a bool tensor [length, length].

    Raises `ValueError` for a `window` below 1.
    """
    if window is not None and window < 1:
        raise ValueError("a window holds at least the token itself")
    places = torch.arange(length)
    behind = places[:, None] - places[None, :]
    allowed = behind >= 0
    return allowed if window is None else allowed & (behind < window)
