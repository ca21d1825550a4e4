"""The routers of a model of a softmax family, and what a forward shows of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import nn


class Seen(NamedTuple):
    """One call of a router: what it received, one row per token, its logits and its choice."""

    hidden: torch.Tensor
    logits: torch.Tensor
    chosen: torch.Tensor


def routers_of(model: nn.Module) -> list[nn.Module]:
    """The routers in the order of `named_modules()`; transformers calls their class `…Router`."""
    classes = {module: type(module).__name__ for module in model.modules()}
    return [module for module, name in classes.items() if name.endswith("Router")]


@contextmanager
def watching(routers: Sequence[nn.Module]) -> Iterator[dict[nn.Module, Seen]]:
    """Keep what is seen of each router's last call; all hooks go at the end."""
    seen: dict[nn.Module, Seen] = {}

    def keep(
        router: nn.Module, inputs: tuple[torch.Tensor, ...], output: tuple[torch.Tensor, ...]
    ) -> None:
        logits, _, chosen = output
        seen[router] = Seen(inputs[0].flatten(0, -2), logits, chosen)

    handles = [router.register_forward_hook(keep) for router in routers]
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()
