"""Further correct solutions of `monitor_expert_usage`, and known-wrong ones."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import numpy as np
import torch

from reference.moe_router_analysis.find_router_layers import find_router_layers
from reference.moe_router_analysis.monitor_expert_usage import (
    exercise,
    monitor_expert_usage,
)
from reference.moe_router_analysis.monitor_expert_usage.checks import (
    leaves_everything_as_it_was,
    logs_three_numbers_per_router,
    routes_padded_batches_as_alone,
    takes_any_batches,
    watches_every_family,
)

Numbers = dict[str, Any]


@exercise.wheat
def counts_with_numpy(model: Any, batches: Any) -> list[Numbers]:
    """One context manager around all batches, NumPy for the numbers."""
    routers = [router for _, router in find_router_layers(model)]
    logged = []
    with _watched(routers) as outputs, _evaluation(model), torch.inference_mode():
        for batch in batches:
            outputs.clear()
            ids, mask = batch["input_ids"], batch["attention_mask"]
            model(input_ids=ids, attention_mask=mask)
            numbers = {}
            for index, router in enumerate(routers):
                _, _, indices = outputs[router]
                kept = indices.cpu().numpy()[mask.bool().numpy().ravel()]
                counts = np.bincount(kept.ravel(), minlength=len(router.get_parameter("weight")))
                share = counts / counts.sum()
                logs = np.log(np.where(share > 0, share, 1))
                numbers[f"router/layer_{index}/max_violation"] = counts.max() / counts.mean() - 1
                numbers[f"router/layer_{index}/entropy"] = -(share @ logs) / np.log(len(share))
                numbers[f"router/layer_{index}/dead_experts"] = np.sum(counts == 0)
            logged.append(numbers)
    return logged


@exercise.wheat
def counts_one_hot(model: Any, batches: Any) -> list[Numbers]:
    """Builds one-hot matrices from the decisions, and returns tensors."""
    return [_lab(model, batch, _tensors) for batch in batches]


def _tensors(counts: torch.Tensor) -> Numbers:
    shares = counts / counts.sum()
    return {
        "max_violation": counts.max() / counts.mean() - 1,
        "entropy": torch.special.entr(shares).sum() / math.log(len(counts)),
        "dead_experts": (counts == 0).sum(),
    }


def _lab(
    model: Any,
    batch: Any,
    measure: Callable[[torch.Tensor], Numbers] = _tensors,
    choose: Callable[[Any], torch.Tensor] = lambda output: output[2],
    evaluation: bool = True,
    told: bool = True,
) -> Numbers:
    """The usual solution for one batch with one of its steps replaced."""
    names = [name for name, _ in find_router_layers(model)]
    if not names:
        return {}
    routers = [model.get_submodule(name) for name in names]
    mask = batch["attention_mask"] if told else None
    mode = _evaluation(model) if evaluation else nullcontext()
    with _watched(routers) as outputs, mode, torch.no_grad():
        model(input_ids=batch["input_ids"], attention_mask=mask)
    numbers = {}
    for index, router in enumerate(routers):
        experts = len(router.get_parameter("weight"))
        chosen = choose(outputs[router])[batch["attention_mask"].reshape(-1) == 1]
        counts = torch.nn.functional.one_hot(chosen, experts).sum(dim=(0, 1)).float()
        for name, value in measure(counts).items():
            numbers[f"router/layer_{index}/{name}"] = value
    return numbers


@contextmanager
def _watched(routers: list[torch.nn.Module]) -> Iterator[dict[torch.nn.Module, Any]]:
    outputs: dict[torch.nn.Module, Any] = {}

    def keep(module: torch.nn.Module, args: Any, output: Any) -> None:
        outputs[module] = output

    hooks = [router.register_forward_hook(keep) for router in routers]
    try:
        yield outputs
    finally:
        for hook in hooks:
            hook.remove()


@contextmanager
def _evaluation(model: Any) -> Iterator[None]:
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training


@exercise.chaff(caught_by=takes_any_batches)
def counts_padding(model: Any, batches: Any) -> list[Numbers]:
    """Counts padding as well. Only tokens with attention mask 1 are real."""
    logged = []
    for batch in batches:
        mask = torch.ones_like(batch["attention_mask"])
        logged.append(_lab(model, {**batch, "attention_mask": mask}))
    return logged


@exercise.chaff(caught_by=takes_any_batches)
def passes_everything_on(model: Any, batches: Any) -> list[Numbers]:
    """Passes the whole batch to the model. A batch may hold more than the model takes."""
    logged = []
    for batch in batches:
        with torch.no_grad(), _evaluation(model):
            model(**batch)
        logged.append(_lab(model, batch))
    return logged


@exercise.chaff(caught_by=takes_any_batches)
def needs_a_list(model: Any, batches: Any) -> list[Numbers]:
    """Goes through the batches by index. A generator has neither a length nor an index."""
    return [_lab(model, batches[index]) for index in range(len(batches))]


@exercise.chaff(caught_by=takes_any_batches)
def goes_through_the_batches_twice(model: Any, batches: Any) -> list[Numbers]:
    """Goes through the batches once to count and once to measure. A generator can be read once."""
    measured = [_lab(model, batch) for batch in batches]
    return [numbers for _, numbers in zip(batches, measured, strict=False)]


@exercise.chaff(caught_by=watches_every_family)
def chooses_again(model: Any, batches: Any) -> list[Numbers]:
    """Takes the largest logits instead of the model's own decisions. Some routers choose with
    groups or a correction bias."""

    def largest(output: Any) -> torch.Tensor:
        chosen: torch.Tensor = output[0].topk(output[2].shape[1]).indices
        return chosen

    return [_lab(model, batch, choose=largest) for batch in batches]


@exercise.chaff(caught_by=watches_every_family)
def numbers_decoder_layers(model: Any, batches: Any) -> list[Numbers]:
    """Puts the number of the decoder layer into the key. Routers are counted from 0, so that dense
    layers leave no gaps."""
    layers = [name.split("layers.")[1].split(".")[0] for name, _ in find_router_layers(model)]
    logged = []
    for batch in batches:
        numbers = {}
        for key, value in _lab(model, batch).items():
            _, layer, name = key.split("/")
            index = int(layer.removeprefix("layer_"))
            numbers[f"router/layer_{layers[index]}/{name}"] = value
        logged.append(numbers)
    return logged


@exercise.chaff(caught_by=watches_every_family)
def skips_dense_models(model: Any, batches: Any) -> list[Numbers]:
    """Returns an empty list for a model without routers. Each batch gives a dict, if an empty
    one."""
    return monitor_expert_usage(model, batches) if find_router_layers(model) else []


@exercise.chaff(caught_by=leaves_everything_as_it_was)
def watches_in_training_mode(model: Any, batches: Any) -> list[Numbers]:
    """Runs the model in the mode in which it is. In training mode jitter changes the decisions."""
    return [_lab(model, batch, evaluation=False) for batch in batches]


@exercise.chaff(caught_by=leaves_everything_as_it_was)
def leaves_evaluation_mode(model: Any, batches: Any) -> list[Numbers]:
    """Calls `model.eval()` and leaves it at that: the next training step would run without
    dropout. Put each submodule back into its own mode."""
    return monitor_expert_usage(model.eval(), batches)


@exercise.chaff(caught_by=leaves_everything_as_it_was)
def keeps_hooks_after_an_error(model: Any, batches: Any) -> list[Numbers]:
    """Removes its hooks only where the forward returns. Remove them in a `finally`."""
    hooks = [r.register_forward_hook(lambda *_: None) for _, r in find_router_layers(model)]
    logged = monitor_expert_usage(model, batches)
    for hook in hooks:
        hook.remove()
    return logged


@exercise.chaff(caught_by=leaves_everything_as_it_was)
def takes_batches_apart(model: Any, batches: Any) -> list[Numbers]:
    """Pops an entry out of the batch. The batches belong to the caller: the next one who reads
    them misses it."""
    logged = []
    for batch in batches:
        mask = batch.pop("attention_mask")
        logged.append(_lab(model, {"input_ids": batch["input_ids"], "attention_mask": mask}))
    return logged


@exercise.chaff(caught_by=leaves_everything_as_it_was)
def zeroes_padding(model: Any, batches: Any) -> list[Numbers]:
    """Multiplies the ids by the mask in place. The batches belong to the caller."""
    logged = []
    for batch in batches:
        batch["input_ids"] *= batch["attention_mask"]
        logged.append(_lab(model, batch))
    return logged


@exercise.chaff(caught_by=logs_three_numbers_per_router)
def forgets_to_normalise(model: Any, batches: Any) -> list[Numbers]:
    """Leaves the entropy in nats. Divided by ln E it is 1 for uniform use, whatever E is."""

    def in_nats(counts: torch.Tensor) -> Numbers:
        shares = counts / counts.sum()
        return {**_tensors(counts), "entropy": torch.special.entr(shares).sum()}

    return [_lab(model, batch, in_nats) for batch in batches]


@exercise.chaff(caught_by=logs_three_numbers_per_router)
def divides_by_zero(model: Any, batches: Any) -> list[Numbers]:
    """Takes the logarithm of zero for experts without a token, which makes the entropy NaN. Such
    experts add nothing."""

    def naive(counts: torch.Tensor) -> Numbers:
        shares = counts / counts.sum()
        entropy = -(shares * shares.log()).sum() / math.log(len(counts))
        return {**_tensors(counts), "entropy": entropy}

    return [_lab(model, batch, naive) for batch in batches]


@exercise.chaff(caught_by=routes_padded_batches_as_alone)
def keeps_the_mask_to_itself(model: Any, batches: Any) -> list[Numbers]:
    """Uses the mask to count, and does not give it to the model. Then real tokens attend to the
    padding before them, and are routed otherwise."""
    return [_lab(model, batch, told=False) for batch in batches]


@exercise.chaff(caught_by=leaves_everything_as_it_was)
def ends_a_step(model: Any, batches: Any) -> list[Numbers]:
    """Calls `zero_grad` after each batch. The gradients of a training step in progress are lost:
    run the forward without gradients, and there is nothing to clear."""
    logged = []
    for batch in batches:
        logged.append(_lab(model, batch))
        model.zero_grad()
    return logged


@exercise.chaff(caught_by=leaves_everything_as_it_was)
def converts_the_model(model: Any, batches: Any) -> list[Numbers]:
    """Converts the model to float32 to be safe. It belongs to the caller, who chose its dtype."""
    return monitor_expert_usage(model.float(), batches)


@exercise.chaff(caught_by=leaves_everything_as_it_was)
def rewrites_the_mask(model: Any, batches: Any) -> list[Numbers]:
    """Puts a mask of bools into the batch. The batches belong to the caller: make a new dict."""
    logged = []
    for batch in batches:
        batch["attention_mask"] = batch["attention_mask"].bool()
        logged.append(_lab(model, batch))
    return logged
