"""Further correct solutions of `loss_with_load_balancing`."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import functional

from reference.moe_router_analysis.find_router_layers import find_router_layers
from reference.moe_router_analysis.loss_with_load_balancing.solution import (
    exercise,
)


@exercise.wheat
def asks_the_model_twice(
    model: Any, input_ids: Any, attention_mask: Any = None, alpha: float = 0.01
) -> torch.Tensor:
    """Takes the next-token loss from the model's own `loss`, and the logits from a second run."""
    if attention_mask is None:
        attention_mask = torch.ones_like(input_ids)
    labels = input_ids.masked_fill(attention_mask == 0, -100)
    batch = {"input_ids": input_ids, "attention_mask": attention_mask}
    loss: torch.Tensor = model(**batch, labels=labels, output_router_logits=False).loss
    router_logits = model(**batch, output_router_logits=True).router_logits
    for logits in router_logits:
        real = logits[attention_mask.flatten().bool()].float()
        probabilities = real.softmax(-1)
        k = model.config.num_experts_per_tok
        used = functional.one_hot(probabilities.topk(k).indices, real.shape[1]).float().mean((0, 1))
        share = used.detach() @ probabilities.mean(0) * real.shape[1]
        loss = loss + alpha * share / len(router_logits)
    return loss


@exercise.wheat
def walks_over_predictions(
    model: Any, input_ids: Any, attention_mask: Any = None, alpha: float = 0.01
) -> torch.Tensor:
    """Hooks on the routers, and loops over single predictions and experts."""
    mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask
    caught: list[Any] = []
    routers: list[Any] = [router for _, router in find_router_layers(model)]
    hooks = [r.register_forward_hook(lambda m, args, out: caught.append(out)) for r in routers]
    try:
        scores = model(input_ids, attention_mask=mask).logits.float().log_softmax(-1)
    finally:
        for hook in hooks:
            hook.remove()
    batch, length = input_ids.shape
    terms = [
        -scores[row, place, input_ids[row, place + 1]]
        for row in range(batch)
        for place in range(length - 1)
        if mask[row, place + 1]
    ]
    loss: torch.Tensor = torch.stack(terms).mean()
    for logits, _, indices in caught:
        real = mask.reshape(-1).nonzero().squeeze(1)
        shares = logits.float()[real].softmax(-1).mean(0)
        for expert, share in enumerate(shares):
            frequency = float((indices[real] == expert).float().mean())
            loss = loss + alpha * len(shares) * frequency * share / len(caught)
    return loss
