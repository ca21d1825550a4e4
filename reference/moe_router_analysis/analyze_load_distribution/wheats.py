"""Further correct solutions of `analyze_load_distribution`."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import torch

from reference.moe_router_analysis.analyze_load_distribution._usual import (
    summary_of,
)
from reference.moe_router_analysis.analyze_load_distribution.solution import (
    exercise,
)
from reference.moe_router_analysis.find_router_layers import find_router_layers

Rows = list[list[int]]  # the experts of each real token


@exercise.wheat
def pads_one_batch(
    model: Any, tokenizer: Any, texts: Any, top_k: Any = None, layer_idx: int = 0
) -> dict[str, Any]:
    """Sends all texts through the model as one padded batch, and counts with NumPy."""
    routers = find_router_layers(model)
    if not routers:
        return {}
    if layer_idx not in range(len(routers)):
        raise IndexError("no such router")
    router: Any = routers[layer_idx][1]
    experts = router.weight.shape[0]
    if top_k is not None and top_k not in range(1, experts + 1):
        raise ValueError("no such k")
    texts = [text for text in texts if tokenizer(text)["input_ids"]]
    if not texts:
        raise ValueError("no tokens")
    batch = tokenizer(texts, padding=True, return_tensors="pt").to(router.weight.device)
    caught: list[Any] = []
    handle = router.register_forward_hook(lambda module, args, output: caught.append(output))
    was_training = [module for module in model.modules() if module.training]
    try:
        model.eval()
        with torch.inference_mode():
            model(**batch)
    finally:
        handle.remove()
        for module in was_training:
            module.training = True
    logits, _, chosen = caught[0]
    if top_k is not None:
        chosen = logits.float().argsort(dim=-1, descending=True)[:, :top_k]
    chosen = chosen.reshape(*batch["attention_mask"].shape, -1).cpu().numpy()
    chosen = chosen[batch["attention_mask"].cpu().numpy() == 1]
    counts = np.bincount(chosen.ravel(), minlength=experts)
    return {
        "expert_counts": {expert: int(count) for expert, count in enumerate(counts)},
        "total_tokens": len(chosen),
        "num_experts": experts,
        "top_k": chosen.shape[1],
        "expected_per_expert": chosen.size / experts,
        "actual_mean": counts.mean(),
        "actual_std": counts.std(),
        "max_load": counts.max(),
        "min_load": counts.min(),
        "load_balance_score": 1 - counts.std() / (counts.mean() + 1e-8),
    }


@exercise.wheat
def watches_the_experts(
    model: Any, tokenizer: Any, texts: Any, top_k: Any = None, layer_idx: int = 0
) -> dict[str, Any]:
    """Sees the choice where the experts are called, text by text; logits come with the output."""
    routers = find_router_layers(model)
    if not routers:
        return {}
    if not -1 < layer_idx < len(routers):
        raise IndexError(layer_idx)
    name, router = routers[layer_idx]
    experts = model.get_submodule(name.rpartition(".")[0]).experts
    size = experts.num_experts
    if top_k is not None and (top_k < 1 or top_k > size):
        raise ValueError(top_k)
    tally: Counter[int] = Counter()
    rows: Rows = []

    def before_experts(module: Any, args: Any, kwargs: Any) -> None:
        indices = next(a for a in (*args, *kwargs.values()) if a.dtype == torch.int64)
        rows.extend(indices.tolist())

    def after_router(module: Any, args: Any, output: Any) -> None:
        rows.extend(output[0].topk(top_k).indices.tolist())

    if top_k is None:
        handle = experts.register_forward_pre_hook(before_experts, with_kwargs=True)
    else:
        handle = router.register_forward_hook(after_router)
    modes = {module: module.training for module in model.modules()}
    try:
        with torch.no_grad():
            for text in texts:
                encoded = tokenizer(text, return_tensors="pt")
                if encoded["input_ids"].numel():
                    model.eval()(encoded["input_ids"].to(next(model.parameters()).device))
    finally:
        handle.remove()
        for module, mode in modes.items():
            module.train(mode)
    if not rows:
        raise ValueError("nothing to count")
    for row in rows:
        tally.update(row)
    return summary_of([tally[expert] for expert in range(size)], len(rows), len(rows[0]))
