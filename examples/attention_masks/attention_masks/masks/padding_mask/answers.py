"""More solutions of `padding_mask`: right ones in another style, and known mistakes."""

from __future__ import annotations

import torch

from attention_masks.masks.padding_mask import exercise, padding_mask
from attention_masks.masks.padding_mask.checks import both_sides, filled_up, other_sides


@exercise.wheat
def row_by_row(lengths: list[int], side: str = "right") -> torch.Tensor:
    """A row is set in one piece."""
    mask = torch.zeros(len(lengths), max(lengths), dtype=torch.int64)
    for row, length in enumerate(lengths):
        if side == "right":
            mask[row, :length] = 1
        elif side == "left":
            mask[row, -length:] = 1
        else:
            raise ValueError(side)
    return mask


@exercise.chaff(caught_by=(filled_up, both_sides, other_sides))
def marks_padding(lengths: list[int], side: str = "right") -> torch.Tensor:
    """Marks the padding. The exercise asks for 1 where there is a token."""
    return 1 - padding_mask(lengths, side)


@exercise.chaff(caught_by=both_sides)
def always_right(lengths: list[int], side: str = "right") -> torch.Tensor:
    """Puts padding after the tokens on either side."""
    padding_mask(lengths, side)
    return padding_mask(lengths)


@exercise.chaff(caught_by=(filled_up, both_sides))
def left_and_right_exchanged(lengths: list[int], side: str = "right") -> torch.Tensor:
    """Left and right are exchanged: the side is that of the padding."""
    padding_mask(lengths, side)
    return padding_mask(lengths, "left" if side == "right" else "right")


@exercise.chaff(caught_by=other_sides)
def any_other_side_is_left(lengths: list[int], side: str = "right") -> torch.Tensor:
    """Takes every other word for "left". That is a ValueError."""
    return padding_mask(lengths, "right" if side == "right" else "left")
