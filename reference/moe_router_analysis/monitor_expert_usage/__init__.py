r"""# Watch experts during training

Balance changes while a model learns, and an expert that died goes unnoticed until somebody looks.
Training code therefore logs a few numbers per step and layer.

Write `monitor_expert_usage(model, batches)`.

- [batches] `batches` is any iterable (a list, a `DataLoader`, a generator) of dicts
  `{"input_ids": [B, S], "attention_mask": [B, S]}`, each with at least one real token; other keys
  (`labels`, texts, …) are ignored.
- [list] It returns a **list with one flat dict of numbers per batch**, ready for an experiment
  logger such as `wandb.log`.
- [own-decisions] The *model's own decisions* on *real* tokens count.

For the $i$-th router (as `find_router_layers` counts them, from 0) the dict has three keys. With
$c_e$ the number of routing slots that go to expert $e$:

- [max-violation] `router/layer_{i}/max_violation`: the largest count divided by the mean count,
  minus 1: 0 in perfect balance.
- [entropy] `router/layer_{i}/entropy`: the entropy of the counts' distribution, divided by ln E:
  1 for uniform use. An expert with no slot adds nothing to it.
- [dead] `router/layer_{i}/dead_experts`: the number of experts with no slot.

$$\text{max\_violation} = \frac{\max_e c_e}{\overline{c}} - 1 \qquad
\text{entropy} = -\frac{1}{\ln E} \sum_e p_e \ln p_e \qquad p_e = \frac{c_e}{\sum_i c_i}$$

What else holds:

- [no-routers] A model without routers gives an empty dict per batch.
- [no-gradients] No gradients are kept: numbers, or tensors that need no gradient.
- [mask-alone] The attention mask alone says which tokens are real, whatever their ids are.
- [padding] Padding may stand on either side. Give the mask to the model: a token's route depends on
  the real tokens before it, never on padding.
- [left-as-it-was] As everywhere: evaluation mode during the forward, every submodule's mode
  restored, no hook left, also when the forward raises; that exception reaches the caller. The model
  keeps its dtype and the gradients of a training step in progress. The batches are not changed, and
  go to the model's device.

Source: `max_violation` is MaxVio of [Wang et al., *Auxiliary-Loss-Free Load Balancing Strategy for
Mixture-of-Experts* (2024)](https://arxiv.org/abs/2408.15664), section 4.

<details><summary>Hint 1 of 2</summary>

Hook all routers at once, and one forward per batch is enough. Most of it is exercise 5 again: move
what both need into a helper.
</details>

<details><summary>Hint 2 of 2</summary>

$0 \cdot \ln 0$ is NaN in floating point: sum over the experts that have slots.
</details>
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import nn

from autograder import Effort, Exercise
from reference.moe_router_analysis._decisions import evaluating, run, watching
from reference.moe_router_analysis._routing import find_routers

exercise = Exercise("monitor_expert_usage", effort=Effort(difficulty=3, importance=5, minutes=35))


@exercise.solution
def monitor_expert_usage(
    model: nn.Module, batches: Iterable[Mapping[str, Any]]
) -> list[dict[str, float]]:
    """Measure how evenly each router uses its experts, batch by batch.

    Args:
        model: a language model of transformers, causal or base.
        batches: dicts with `input_ids` and `attention_mask`, both [B, S]; other keys are ignored.

    Returns:
        Per batch one flat dict with `router/layer_{i}/max_violation`, `router/layer_{i}/entropy`
        and `router/layer_{i}/dead_experts` for each router; `{}` for a model without routers.
    """
    return [_usage(model, batch) for batch in batches]


def _usage(model: nn.Module, batch: Mapping[str, Any]) -> dict[str, float]:
    """The numbers of one batch."""
    routers = find_routers(model)
    if not routers:
        return {}
    mask = batch["attention_mask"]
    with watching(routers) as seen, evaluating(model), torch.no_grad():
        run(model, batch["input_ids"], mask)
    usage: dict[str, float] = {}
    for index, router in enumerate(routers):
        counts = torch.zeros(router.num_experts, dtype=torch.int64)
        for call in seen[router.module]:
            now = call.decision().counts(mask.reshape(-1) == 1)
            counts = counts[: len(now)] + now
        for name, value in measures(counts.tolist()).items():
            usage[f"router/layer_{index}/{name}"] = value
    return usage


def measures(counts: list[int]) -> dict[str, float]:
    """Violation, normalised entropy and dead experts of the counts of all experts."""
    total = max(sum(counts), 1)  # a router that no token reaches has a load of zero everywhere
    shares = [count / total for count in counts if count]
    return {
        "max_violation": max(counts) * len(counts) / total - 1,
        "entropy": -sum(share * math.log(share) for share in shares) / math.log(len(counts)),
        "dead_experts": counts.count(0),
    }
