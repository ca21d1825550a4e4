"""# The padding mask

Texts of a batch differ in length, and the shorter ones are filled up with padding. `lengths` holds
the number of tokens of each text, each at least 1. Write `padding_mask(lengths, side="right")`.

- [real] The result is a tensor of int64, [texts, longest text]: 1 for a token, 0 for padding.
- [left] With `side="left"` the padding stands before the tokens, with `"right"` after them.
- [side] Raise `ValueError` for any other `side`.
"""

from __future__ import annotations

import torch

from autograder import Exercise

exercise = Exercise("padding_mask")


@exercise.solution
def padding_mask(lengths: list[int], side: str = "right") -> torch.Tensor:
    """Return 1 for tokens and 0 for padding, int64 [texts, longest text].

    Raises `ValueError` for a `side` that is neither "right" nor "left".
    """
    if side not in ("right", "left"):
        raise ValueError(f"there is no side {side!r}")
    real = torch.arange(max(lengths))[None, :] < torch.tensor(lengths)[:, None]
    return (real if side == "right" else real.flip(1)).long()
