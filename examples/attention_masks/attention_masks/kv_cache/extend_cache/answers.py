"""More solutions of `extend_cache`: right ones in another style, and known mistakes."""

from __future__ import annotations

import torch

from attention_masks.kv_cache.extend_cache import exercise, extend_cache
from attention_masks.kv_cache.extend_cache.checks import beyond_the_limit, is_a_copy, room_for_all


@exercise.wheat
def row_by_row(cache: torch.Tensor, new: torch.Tensor, limit: int) -> torch.Tensor:
    """A list that forgets its first rows."""
    kept = [*cache, *new]
    while len(kept) > limit:
        kept.pop(0)
    return torch.stack(kept)


@exercise.chaff(caught_by=beyond_the_limit)
def keeps_the_oldest(cache: torch.Tensor, new: torch.Tensor, limit: int) -> torch.Tensor:
    """Keeps the oldest keys. The exercise asks for the newest."""
    return torch.cat([cache, new])[:limit].clone()


@exercise.chaff(caught_by=beyond_the_limit)
def never_forgets(cache: torch.Tensor, new: torch.Tensor, limit: int) -> torch.Tensor:
    """Keeps all keys, whatever the limit."""
    return torch.cat([cache, new])


@exercise.chaff(caught_by=(room_for_all, beyond_the_limit))
def newest_first(cache: torch.Tensor, new: torch.Tensor, limit: int) -> torch.Tensor:
    """Puts the new keys before the old ones. The oldest come first."""
    return torch.cat([new, cache])[:limit].clone()


@exercise.chaff(caught_by=is_a_copy)
def the_cache_itself(cache: torch.Tensor, new: torch.Tensor, limit: int) -> torch.Tensor:
    """Returns the cache itself where there is nothing new: who changes one changes the other."""
    return extend_cache(cache, new, limit) if len(new) else cache[-limit:]
