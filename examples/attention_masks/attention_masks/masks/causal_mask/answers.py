"""More solutions of `causal_mask`: right ones in another style, and known mistakes."""

from __future__ import annotations

import torch

from attention_masks.masks.causal_mask import causal_mask, exercise
from attention_masks.masks.causal_mask.checks import looks_back, random_windows, smallest_window


@exercise.wheat
def token_by_token(length: int, window: int | None = None) -> torch.Tensor:
    """Two loops."""
    reach = length if window is None else window
    if reach < 1:
        raise ValueError("no token is left")
    rows = [[0 <= i - j < reach for j in range(length)] for i in range(length)]
    return torch.tensor(rows, dtype=torch.bool)


@exercise.wheat
def triangles(length: int, window: int | None = None) -> torch.Tensor:
    """torch's own triangles."""
    every = torch.ones(length, length, dtype=torch.bool)
    if window is None:
        return every.tril()
    if window < 1:
        raise ValueError(window)
    return every.tril() & every.triu(1 - window)


@exercise.chaff(caught_by=(looks_back, random_windows))
def looks_ahead(length: int, window: int | None = None) -> torch.Tensor:
    """Rows and columns are exchanged: a token must not see those that come after it."""
    return causal_mask(length, window).T.contiguous()


@exercise.chaff(caught_by=(looks_back, random_windows, smallest_window))
def not_itself(length: int, window: int | None = None) -> torch.Tensor:
    """Leaves out the token itself. It may listen to itself, too."""
    return causal_mask(length, window) & ~torch.eye(length, dtype=torch.bool)


@exercise.chaff(caught_by=(random_windows, smallest_window))
def one_too_many(length: int, window: int | None = None) -> torch.Tensor:
    """The window holds one token too many. The token itself is one of them."""
    causal_mask(length, window)
    return causal_mask(length, None if window is None else window + 1)


@exercise.chaff(caught_by=random_windows)
def window_of_one_alone(length: int, window: int | None = None) -> torch.Tensor:
    """Cuts nothing off for a window above 1."""
    return causal_mask(length, window if window is None or window <= 1 else None)


@exercise.chaff(caught_by=smallest_window)
def any_window(length: int, window: int | None = None) -> torch.Tensor:
    """Accepts a window below 1, which leaves no token to listen to. That is a ValueError."""
    if window is not None and window < 1:
        return torch.zeros(length, length, dtype=torch.bool)
    return causal_mask(length, window)
