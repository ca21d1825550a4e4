"""The usual solution of `analyze_load_distribution`, in steps that a wrong one replaces."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch

from reference.moe_router_analysis.find_router_layers import find_router_layers


def summary_of(counts: list[int], total: int, k: int) -> dict[str, Any]:
    mean = sum(counts) / len(counts)
    std = math.sqrt(sum((count - mean) ** 2 for count in counts) / len(counts))
    return {
        "expert_counts": dict(enumerate(counts)),
        "total_tokens": total,
        "num_experts": len(counts),
        "top_k": k,
        "expected_per_expert": total * k / len(counts),
        "actual_mean": mean,
        "actual_std": std,
        "max_load": max(counts),
        "min_load": min(counts),
        "load_balance_score": 1 - std / (mean + 1e-8),
    }


def usual(
    arguments: tuple[Any, Any, Any, Any, int],
    forward: Callable[[Any, Any, Any], Any],
    count: Callable[[torch.Tensor, torch.Tensor, Any], torch.Tensor] | None = None,
    encode: Callable[[Any, Any], list[Any]] | None = None,
) -> dict[str, Any]:
    """The usual solution with one of its steps replaced: encode, forward, count."""
    model, tokenizer, texts, top_k, layer_idx = arguments
    if not find_router_layers(model):
        return {}
    router: Any = find_router_layers(model)[range(len(find_router_layers(model)))[layer_idx]][1]
    experts = router.weight.shape[0]
    if layer_idx < 0:
        raise IndexError
    if top_k is not None and not 1 <= top_k <= experts:
        raise ValueError
    counts, total, k = [0] * experts, 0, top_k
    for batch in (encode or one_by_one)(tokenizer, texts):
        logits, _, indices = forward(model, router, batch)
        k = top_k or indices.shape[1]
        chosen = indices if top_k is None else logits.topk(top_k).indices
        real = batch["attention_mask"].reshape(-1) == 1
        chosen = count(chosen, logits, batch["attention_mask"]) if count else chosen[real]
        total += len(chosen)
        for expert in chosen.reshape(-1).tolist():
            counts[expert] += 1
    if total == 0:
        raise ValueError
    return summary_of(counts, total, k)


def one_by_one(tokenizer: Any, texts: Any) -> list[Any]:
    batches = [tokenizer(text, return_tensors="pt") for text in texts]
    return [batch for batch in batches if batch["input_ids"].numel()]


def in_one_batch(tokenizer: Any, texts: Any) -> list[Any]:
    full = [text for text in texts if tokenizer(text)["input_ids"]]
    return [tokenizer(full, padding=True, return_tensors="pt")] if full else []


def forward_of(model: Any, router: Any, batch: Any) -> Any:
    """A forward that leaves the model as it was."""
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        return in_present_mode(model, router, batch)
    finally:
        for module, mode in modes.items():
            module.training = mode


def in_present_mode(model: Any, router: Any, batch: Any) -> Any:
    caught: list[Any] = []
    handle = router.register_forward_hook(lambda module, args, output: caught.append(output))
    try:
        with torch.no_grad():
            model(**batch)
    finally:
        handle.remove()
    return caught[0]
