"""Further correct solutions of `next_layer_recall`, and known-wrong ones."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from reference.moe_training_and_serving.next_layer_recall import (
    checks,
    exercise,
    next_layer_recall,
)

Pairs = list[dict[str, Any]]


@exercise.wheat
def wrapped_in_evaluation_mode(
    model: nn.Module, input_ids: torch.Tensor, attention_mask: torch.Tensor
) -> Pairs:
    """Pre-hooks and hooks, evaluation mode with every mode put back, NumPy and sets."""
    names = [n for n, m in model.named_modules() if "Router" in m.__class__.__name__]
    received: dict[str, np.ndarray] = {}
    decided: dict[str, np.ndarray] = {}
    handles: list[Any] = []
    modes = [(module, module.training) for module in model.modules()]

    def before(name: str) -> Callable[..., None]:
        def hook(module: nn.Module, inputs: Any) -> None:
            received[name] = inputs[0].detach().double().cpu().numpy()

        return hook

    def after(name: str) -> Callable[..., None]:
        def hook(module: nn.Module, inputs: Any, output: Any) -> None:
            decided[name] = output[2].cpu().numpy()

        return hook

    try:
        for name in names:
            router = model.get_submodule(name)
            handles.append(router.register_forward_pre_hook(before(name)))
            handles.append(router.register_forward_hook(after(name)))
        model.eval()
        with torch.inference_mode():
            model(input_ids=input_ids, attention_mask=attention_mask)
    finally:
        for handle in handles:
            handle.remove()
        for module, mode in modes:
            module.training = mode
    rows = np.flatnonzero(attention_mask.reshape(-1).numpy())
    result = []
    for earlier, later in itertools.pairwise(names):
        weight = model.get_submodule(later).get_parameter("weight").detach().double().numpy()
        states = received[earlier].reshape(-1, weight.shape[1])
        k = decided[later].shape[1]
        uses = Counter(e for row in rows for e in decided[later][row].tolist())
        favourites = {e for e, _ in uses.most_common(k)}
        shares, plain = [], []
        for row in rows:
            right = set(decided[later][row].tolist())
            guess = np.argsort(weight @ states[row])[::-1][:k].tolist()
            shares.append(len(right.intersection(guess)) / k)
            plain.append(len(right & favourites) / k)
        result.append({"recall": np.mean(shares), "popular": np.mean(plain)})
    return result


@exercise.wheat
def with_masks(model: nn.Module, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> Pairs:
    """Boolean tables [T, E] in place of indices."""
    seen: list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]] = []

    def note(module: Any, inputs: Any, output: Any) -> None:
        real = attention_mask.bool().view(-1)
        table = torch.zeros_like(output[0], dtype=torch.bool).scatter(1, output[2], value=True)
        states = inputs[0].detach().to(torch.float32).view(len(real), -1)
        seen.append((states[real], table[real], module.weight.detach().to(torch.float32)))

    routers = [module for module in model.modules() if type(module).__name__.endswith("TopKRouter")]
    handles = [router.register_forward_hook(note) for router in routers]
    try:
        with torch.no_grad():
            model(input_ids=input_ids, attention_mask=attention_mask)
    finally:
        for handle in handles:
            handle.remove()
    pairs = []
    for (states, _, _), (_, table, weight) in itertools.pairwise(seen):
        k = int(table[0].sum())
        scores = torch.nn.functional.linear(states, weight)
        threshold = scores.sort(dim=1).values[:, -k]
        guessed = scores >= threshold[:, None]
        often = torch.zeros(table.shape[1], dtype=torch.bool)
        often[table.sum(0).argsort(descending=True)[:k]] = True
        pairs.append(
            {
                "recall": (guessed & table).sum() / table.sum(),
                "popular": (often & table).sum() / table.sum(),
            }
        )
    return pairs


@dataclass(frozen=True, kw_only=True)
class _Change:
    """What differs from the usual solution."""

    weight_of: int = 1  # 0: the router's own, 1: the next one's
    hidden_of: int = 0
    told: bool = True  # whether the model gets the mask
    padding: bool = False  # padding takes part in the recall
    dtype: torch.dtype | None = torch.float32
    more: int = 0  # experts that are predicted beyond k
    score: Callable[[torch.Tensor, torch.Tensor], torch.Tensor] | None = None


def _lab(model: Any, ids: torch.Tensor, mask: torch.Tensor, change: _Change) -> Pairs:
    """The usual solution with a change."""
    seen: list[tuple[Any, torch.Tensor, torch.Tensor]] = []

    def note(module: Any, inputs: Any, output: Any) -> None:
        seen.append((module, inputs[0].flatten(0, -2), output[2]))

    handles = [
        module.register_forward_hook(note)
        for module in model.modules()
        if type(module).__name__.endswith("Router")
    ]
    try:
        with torch.no_grad():
            model(input_ids=ids, attention_mask=mask if change.told else None)
    finally:
        for handle in handles:
            handle.remove()
    real = mask.flatten() == 1
    kept = torch.ones_like(real) if change.padding else real
    pairs = []
    for place in range(len(seen) - 1):
        pair = seen[place : place + 2]
        hidden, weight = pair[change.hidden_of][1], pair[change.weight_of][0].weight.detach()
        if change.dtype:
            hidden, weight = hidden.to(change.dtype), weight.to(change.dtype)
        chosen = pair[1][2]
        k = chosen.shape[1]
        predicted = (hidden @ weight.T).topk(k + change.more).indices
        table = torch.zeros(len(chosen), len(weight)).scatter(1, chosen, 1.0)
        guess = torch.zeros_like(table).scatter(1, predicted, 1.0)
        score = change.score or (lambda guess, right: (guess * right).sum(1) / right.sum(1))
        uses = table[kept]
        popular = torch.zeros(len(weight))
        popular[uses.sum(0).topk(k).indices] = 1.0
        pairs.append(
            {
                "recall": float(score(guess[kept], table[kept]).mean()),
                "popular": float((table[kept] @ popular).mean() / k),
            }
        )
    return pairs


@exercise.chaff(caught_by=checks.layers_that_change_nothing)
def uses_its_own_weight(
    model: nn.Module, input_ids: torch.Tensor, attention_mask: torch.Tensor
) -> Pairs:
    """Multiplies by router i's own weight. The question is what router i + 1 *would* choose: take
    the next router's weight."""
    return _lab(model, input_ids, attention_mask, _Change(weight_of=0))


@exercise.chaff(caught_by=checks.random_models)
def looks_at_the_next_input(
    model: nn.Module, input_ids: torch.Tensor, attention_mask: torch.Tensor
) -> Pairs:
    """Takes what router i + 1 itself receives. That is no prediction: it comes when it is too late
    to fetch anything, and the recall is always 1."""
    return _lab(model, input_ids, attention_mask, _Change(hidden_of=1))


@exercise.chaff(caught_by=checks.random_models)
def predicts_more_than_k(
    model: nn.Module, input_ids: torch.Tensor, attention_mask: torch.Tensor
) -> Pairs:
    """Predicts one expert more than the router chooses, which makes the recall look better. The
    prediction is the k largest."""
    return _lab(model, input_ids, attention_mask, _Change(more=1))


@exercise.chaff(caught_by=checks.random_models)
def any_hit_counts(
    model: nn.Module, input_ids: torch.Tensor, attention_mask: torch.Tensor
) -> Pairs:
    """Counts a token as predicted where one of its experts is. The recall is the share of its k
    experts."""

    def score(guess: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
        return ((guess * right).sum(1) > 0).float()

    return _lab(model, input_ids, attention_mask, _Change(score=score))


@exercise.chaff(caught_by=checks.random_models)
def over_the_union(
    model: nn.Module, input_ids: torch.Tensor, attention_mask: torch.Tensor
) -> Pairs:
    """Divides by the size of the union (Jaccard). The recall divides by k."""

    def score(guess: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
        return (guess * right).sum(1) / (guess + right).clamp(max=1).sum(1)

    return _lab(model, input_ids, attention_mask, _Change(score=score))


@exercise.chaff(caught_by=checks.layers_that_change_nothing)
def popular_is_chance(model: Any, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> Pairs:
    """Takes k / E for the popular guess. That is the chance of a *random* guess; the most used
    experts do better where the load is uneven."""
    found = next_layer_recall(model, input_ids, attention_mask)
    routers = [m for m in model.modules() if type(m).__name__.endswith("Router")]
    for numbers, router in zip(found, routers[1:]):
        k = model.config.num_experts_per_tok
        numbers["popular"] = k / len(router.get_parameter("weight"))
    return found


@exercise.chaff(caught_by=checks.padding_on_either_side)
def counts_padding(
    model: nn.Module, input_ids: torch.Tensor, attention_mask: torch.Tensor
) -> Pairs:
    """Lets padding take part in the mean. Only real tokens count."""
    return _lab(model, input_ids, attention_mask, _Change(padding=True))


@exercise.chaff(caught_by=checks.padding_on_either_side)
def keeps_the_mask_from_the_model(
    model: nn.Module, input_ids: torch.Tensor, attention_mask: torch.Tensor
) -> Pairs:
    """Calls the model without the mask: real tokens then attend to padding on their left, and are
    routed differently."""
    return _lab(model, input_ids, attention_mask, _Change(told=False))


@exercise.chaff(caught_by=checks.low_precision)
def predicts_in_half_precision(
    model: nn.Module, input_ids: torch.Tensor, attention_mask: torch.Tensor
) -> Pairs:
    """Multiplies in the model's dtype. In bfloat16 close scores become equal: use float32."""
    return _lab(model, input_ids, attention_mask, _Change(dtype=None))


@exercise.chaff(caught_by=checks.few_routers_and_no_trace)
def keeps_hooks_after_an_error(
    model: nn.Module, input_ids: torch.Tensor, attention_mask: torch.Tensor
) -> Pairs:
    """Removes its hooks only where the forward returns. Remove them in a `finally`."""
    routers = [m for m in model.modules() if type(m).__name__.endswith("Router")]
    hooks = [router.register_forward_hook(lambda *_: None) for router in routers]
    found = next_layer_recall(model, input_ids, attention_mask)
    for hook in hooks:
        hook.remove()
    return found


@exercise.chaff(caught_by=checks.few_routers_and_no_trace)
def stays_in_evaluation_mode(
    model: nn.Module, input_ids: torch.Tensor, attention_mask: torch.Tensor
) -> Pairs:
    """Calls `model.eval()` and leaves it at that. Put each submodule's mode back."""
    return next_layer_recall(model.eval(), input_ids, attention_mask)


@exercise.chaff(caught_by=checks.few_routers_and_no_trace)
def fails_without_routers(
    model: nn.Module, input_ids: torch.Tensor, attention_mask: torch.Tensor
) -> Pairs:
    """Takes for granted that there is a router. A model without any gives []."""
    routers = [m for m in model.modules() if type(m).__name__.endswith("Router")]
    if not routers:
        raise IndexError("list index out of range")
    return next_layer_recall(model, input_ids, attention_mask)
