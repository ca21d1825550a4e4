"""Models and inputs that checks draw: random weights, and inputs on which a known mistake shows.

The routing of such a model is in no table. It is measured on the grader's own copy, on inputs on
which every decision is clear: no other order of summation changes it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from moe_lab.drawn import Recipe
from moe_lab.families import family_named
from moe_lab.inputs import token_batch
from moelab_kit.compare import Tolerance, difference
from reference.moe_router_analysis._decisions import measured_routing

CLEAR = 1e-4  # between the logits of the last expert that is chosen and the next; errors are 1e-6
_ATTEMPTS = 200


def draw(rng: np.random.Generator, family: str, **settings: Any) -> Recipe:
    """A model of this family, with weights of its own."""
    return Recipe(family=family, seed=int(rng.integers(2**31)), **settings)


def router_names(recipe: Recipe) -> tuple[str, ...]:
    """Qualified names of a drawn model's routers, in the order of `named_modules()`."""
    if recipe.family == "dense":
        return ()
    family = family_named(recipe.family)
    step = family.settings.get("decoder_sparse_step", 1)
    first = family.settings.get("first_k_dense_replace", 0)
    dense = family.settings.get("mlp_only_layers", [])
    prefix = f"{recipe.held[0]}." if recipe.held else ""
    return tuple(
        f"{prefix}model.layers.{layer}.{family.router_path}"
        for layer in range(recipe.layers or family.num_layers)
        if layer >= first and (layer + 1) % step == 0 and layer not in dense
    )


def counts_of(
    model: Any, ids: torch.Tensor, mask: torch.Tensor, attend: torch.Tensor | None = None
) -> list[list[int]]:
    """Real tokens that each expert of each router gets; `attend` is the mask that the model gets.

    Without `attend`, the model gets `mask`.
    """
    real = mask.reshape(-1) == 1
    told = mask if attend is None else attend
    routing = measured_routing(model, ids, told)
    return [chosen[real].sum(dim=0).tolist() for _, _, chosen in routing]


def is_clear(model: Any, ids: torch.Tensor, mask: torch.Tensor, top_k: int | None = None) -> bool:
    """Whether no real token has a decision that rounding could change (softmax families)."""
    real = mask.reshape(-1) == 1
    for _, logits, chosen in measured_routing(model, ids, mask):
        k = int(chosen[0].sum()) if top_k is None else top_k
        ranked = logits[real].float().sort(dim=-1, descending=True).values
        if k < ranked.shape[1] and bool((ranked[:, k - 1] - ranked[:, k] < CLEAR).any()):
            return False
    return True


def batch_that_tells(
    rng: np.random.Generator, model: Any, lengths: list[int], padding_side: str
) -> tuple[torch.Tensor, torch.Tensor]:
    """A batch on which each router decides otherwise where real tokens attend to padding."""

    def attempt() -> tuple[torch.Tensor, torch.Tensor] | None:
        ids, mask = token_batch(rng, lengths, padding_side=padding_side, padding_id=None)
        right = counts_of(model, ids, mask)
        wrong = counts_of(model, ids, mask, torch.ones_like(mask))
        told = padding_side == "right" or all(a != b for a, b in zip(right, wrong, strict=True))
        return (ids, mask) if told and is_clear(model, ids, mask) else None

    found: tuple[torch.Tensor, torch.Tensor] = first_of(attempt)
    return found


def first_of(attempt: Callable[[], Any]) -> Any:
    """What the first attempt that gives anything gives."""
    for _ in range(_ATTEMPTS):
        found = attempt()
        if found is not None:
            return found
    raise RuntimeError("no inputs found on which the mistake shows")


def saying(idea: str, tolerance: Tolerance) -> Callable[[Any, Any], str]:
    """A comparison whose message for a wrong answer adds the idea that it misses."""

    def compare(got: Any, expected: Any) -> str:
        wrong = difference(got, expected, tolerance)
        return f"{idea} ({wrong})" if wrong else ""

    return compare
