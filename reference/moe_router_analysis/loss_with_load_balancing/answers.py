"""Further correct solutions of `loss_with_load_balancing`, and known-wrong ones."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import torch
from torch.nn import functional

from reference.moe_router_analysis._decisions import evaluating
from reference.moe_router_analysis.find_router_layers import find_router_layers
from reference.moe_router_analysis.loss_with_load_balancing import (
    exercise,
    loss_with_load_balancing,
)
from reference.moe_router_analysis.loss_with_load_balancing.checks import (
    alpha_weighs_the_auxiliary_loss,
    gradient_in_mixtral_and_olmoe,
    leaves_the_model_as_it_was,
    low_precision,
    padded_batches,
    runs_in_the_mode_it_finds,
    without_alpha_it_is_the_models_loss,
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


Layer = Callable[[torch.Tensor, int], torch.Tensor]


def _switch(logits: torch.Tensor, k: int) -> torch.Tensor:
    experts = logits.shape[1]
    probabilities = logits.float().softmax(-1)
    used = functional.one_hot(probabilities.topk(k).indices, experts).float().mean((0, 1))
    return experts * (used.detach() * probabilities.mean(0)).sum()


def _lab(
    arguments: tuple[Any, Any, Any, float],
    layer: Layer = _switch,
    pad_counts: str = "",
    context: Callable[[Any], Any] = nullcontext,
    k: int = 0,
) -> torch.Tensor:
    """The usual solution with one of its steps replaced.

    `pad_counts` names the parts that take padding for real tokens: "targets", "routers".
    """
    model, input_ids, mask, alpha = arguments
    mask = torch.ones_like(input_ids) if mask is None else mask
    with context(model):
        output = model(input_ids=input_ids, attention_mask=mask, output_router_logits=True)
    targets = input_ids[:, 1:]
    if pad_counts != "targets":
        targets = targets.masked_fill(mask[:, 1:] == 0, -100)
    loss = functional.cross_entropy(output.logits[:, :-1].float().transpose(1, 2), targets)
    real = torch.ones_like(mask) if pad_counts == "routers" else mask
    logits = [each[real.reshape(-1) == 1] for each in output.router_logits]
    k = k or model.config.num_experts_per_tok
    return loss + alpha * torch.stack([layer(each, k) for each in logits]).mean()


@exercise.chaff(caught_by=without_alpha_it_is_the_models_loss)
def adds_the_models_own_term(
    model: Any, input_ids: Any, attention_mask: Any = None, alpha: float = 0.01
) -> torch.Tensor:
    """Asks for router logits and takes `outputs.loss`. With router logits the model adds an
    auxiliary loss of its own, so that the term enters twice."""
    mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask
    labels = input_ids.masked_fill(mask == 0, -100)
    rest = _lab((model, input_ids, mask, alpha)) - _lab((model, input_ids, mask, 0))
    loss: torch.Tensor = model(input_ids, mask, labels=labels, output_router_logits=True).loss
    return loss + rest


@exercise.chaff(caught_by=padded_batches)
def trusts_the_models_config(
    model: Any, input_ids: Any, attention_mask: Any = None, alpha: float = 0.01
) -> torch.Tensor:
    """Takes `outputs.loss` as it comes. Where the model's config asks for router logits, that loss
    holds the model's own auxiliary loss already: pass `output_router_logits=False`."""
    mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask
    labels = input_ids.masked_fill(mask == 0, -100)
    rest = _lab((model, input_ids, mask, alpha)) - _lab((model, input_ids, mask, 0))
    loss: torch.Tensor = model(input_ids, mask, labels=labels).loss
    return loss + rest


@exercise.chaff(caught_by=padded_batches)
def predicts_padding(
    model: Any, input_ids: Any, attention_mask: Any = None, alpha: float = 0.01
) -> torch.Tensor:
    """Averages over all predictions, also those whose target is padding."""
    return _lab((model, input_ids, attention_mask, alpha), pad_counts="targets")


@exercise.chaff(caught_by=padded_batches)
def balances_padding(
    model: Any, input_ids: Any, attention_mask: Any = None, alpha: float = 0.01
) -> torch.Tensor:
    """Lets padding take part in the auxiliary loss. Routers see padding too; leave it out by the
    attention mask."""
    return _lab((model, input_ids, attention_mask, alpha), pad_counts="routers")


@exercise.chaff(caught_by=padded_batches)
def takes_two_experts(
    model: Any, input_ids: Any, attention_mask: Any = None, alpha: float = 0.01
) -> torch.Tensor:
    """Leaves `top_k` at its default 2. Use the model's own number of experts per token."""
    return _lab((model, input_ids, attention_mask, alpha), k=2)


@exercise.chaff(caught_by=alpha_weighs_the_auxiliary_loss)
def sums_over_layers(
    model: Any, input_ids: Any, attention_mask: Any = None, alpha: float = 0.01
) -> torch.Tensor:
    """Adds the layers' losses up. Take their mean, so that alpha means the same in a deep model."""
    layers = len(find_router_layers(model))
    return _lab((model, input_ids, attention_mask, alpha * layers))


@exercise.chaff(caught_by=alpha_weighs_the_auxiliary_loss)
def pools_the_layers(
    model: Any, input_ids: Any, attention_mask: Any = None, alpha: float = 0.01
) -> torch.Tensor:
    """Pools the tokens of all layers before it computes one loss. Layers that prefer different
    experts then look balanced together though each of them is not."""
    seen: list[torch.Tensor] = []

    def collect(logits: torch.Tensor, k: int) -> torch.Tensor:
        seen.append(logits)
        return logits.new_zeros(())

    loss = _lab((model, input_ids, attention_mask, 0), collect)
    return loss + alpha * _switch(torch.cat(seen), model.config.num_experts_per_tok)


@exercise.chaff(caught_by=gradient_in_mixtral_and_olmoe)
def detaches_the_logits(
    model: Any, input_ids: Any, attention_mask: Any = None, alpha: float = 0.01
) -> torch.Tensor:
    """Detaches the router logits, as hooks for statistics do. The value is right, but nothing
    pushes the routers towards balance."""

    def detached(logits: torch.Tensor, k: int) -> torch.Tensor:
        return _switch(logits.detach(), k)

    return _lab((model, input_ids, attention_mask, alpha), detached)


@exercise.chaff(caught_by=gradient_in_mixtral_and_olmoe)
def computes_without_gradients(
    model: Any, input_ids: Any, attention_mask: Any = None, alpha: float = 0.01
) -> torch.Tensor:
    """Runs under `torch.no_grad()`: a loss without gradients trains nothing."""
    with torch.no_grad():
        return loss_with_load_balancing(model, input_ids, attention_mask, alpha)


@exercise.chaff(caught_by=padded_batches)
def averages_texts(
    model: Any, input_ids: Any, attention_mask: Any = None, alpha: float = 0.01
) -> torch.Tensor:
    """Averages over each text and then over the texts. Short texts weigh too much then: average
    over all predictions of the batch."""
    mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask
    arguments = (model, input_ids, attention_mask, alpha)
    rest = _lab(arguments) - _lab((model, input_ids, attention_mask, 0))
    rows = [_lab((model, i[None], m[None], 0)) for i, m in zip(input_ids, mask, strict=True)]
    return torch.stack(rows).mean() + rest


@exercise.chaff(caught_by=runs_in_the_mode_it_finds)
def stays_in_evaluation_mode(
    model: Any, input_ids: Any, attention_mask: Any = None, alpha: float = 0.01
) -> torch.Tensor:
    """Calls `model.eval()` and leaves it at that. A training loss changes no mode at all."""
    return loss_with_load_balancing(model.eval(), input_ids, attention_mask, alpha)


@exercise.chaff(caught_by=leaves_the_model_as_it_was)
def keeps_hooks_after_an_error(
    model: Any, input_ids: Any, attention_mask: Any = None, alpha: float = 0.01
) -> torch.Tensor:
    """Removes its hooks only where the forward returns. Remove them in a `finally`."""
    hooks = [r.register_forward_hook(lambda *_: None) for _, r in find_router_layers(model)]
    loss = loss_with_load_balancing(model, input_ids, attention_mask, alpha)
    for hook in hooks:
        hook.remove()
    return loss


@exercise.chaff(caught_by=runs_in_the_mode_it_finds)
def evaluates(
    model: Any, input_ids: Any, attention_mask: Any = None, alpha: float = 0.01
) -> torch.Tensor:
    """Switches to evaluation mode for the forward. This is a training loss: dropout and jitter
    belong to it, so the model runs in the mode in which it is."""
    return _lab((model, input_ids, attention_mask, alpha), context=evaluating)


@exercise.chaff(caught_by=low_precision)
def stays_in_low_precision(
    model: Any, input_ids: Any, attention_mask: Any = None, alpha: float = 0.01
) -> torch.Tensor:
    """Returns the loss in the dtype of the model. Compute it in float32."""
    loss = loss_with_load_balancing(model, input_ids, attention_mask, alpha)
    return loss.to(next(model.parameters()).dtype)


@exercise.chaff(caught_by=without_alpha_it_is_the_models_loss)
def forgets_the_shift(
    model: Any, input_ids: Any, attention_mask: Any = None, alpha: float = 0.01
) -> torch.Tensor:
    """Compares each prediction with the token at its own position. It is for the next token."""
    mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask
    rest = _lab((model, input_ids, mask, alpha)) - _lab((model, input_ids, mask, 0))
    logits = model(input_ids=input_ids, attention_mask=mask).logits.float()
    return functional.cross_entropy(logits[mask == 1], input_ids[mask == 1]) + rest


@exercise.chaff(caught_by=leaves_the_model_as_it_was)
def starts_from_zero_gradients(
    model: Any, input_ids: Any, attention_mask: Any = None, alpha: float = 0.01
) -> torch.Tensor:
    """Calls `zero_grad` first. Whoever accumulates gradients over several batches loses those of
    the batches before."""
    model.zero_grad()
    return loss_with_load_balancing(model, input_ids, attention_mask, alpha)


@exercise.chaff(caught_by=leaves_the_model_as_it_was)
def thaws_the_model(
    model: Any, input_ids: Any, attention_mask: Any = None, alpha: float = 0.01
) -> torch.Tensor:
    """Switches `requires_grad` on for the whole model. Parameters that somebody has frozen would
    be trained."""
    return loss_with_load_balancing(model.requires_grad_(True), input_ids, attention_mask, alpha)


@exercise.chaff(caught_by=leaves_the_model_as_it_was)
def converts_the_model(
    model: Any, input_ids: Any, attention_mask: Any = None, alpha: float = 0.01
) -> torch.Tensor:
    """Converts the model to float32. It belongs to the caller, who chose its dtype: convert the
    logits."""
    return loss_with_load_balancing(model.float(), input_ids, attention_mask, alpha)
