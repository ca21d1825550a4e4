r"""# Expert capacity

Where the shapes of all tensors must be known in advance (GShard and Switch Transformers on TPUs),
every expert gets a buffer of fixed size: its *capacity*. Slots that find it full are *dropped*, and
the token passes that expert by. (MegaBlocks, DeepSeek-V3, OLMoE and vLLM work without, and drop
nothing.) For T tokens with k experts each,

$$C = \left\lceil T \cdot k \cdot \text{capacity\_factor} \,/\, E \right\rceil$$

slots fit into each expert. A factor of 1 is just enough for a perfectly balanced load.

Write `apply_capacity(indices, weights, num_experts, capacity_factor, policy="position")` for
`indices` (int64) and `weights`, both [T, k]. It returns the pair `(keep, dropped_fraction)`:

- [keep] `keep`: bool tensor [T, k]. Of all slots that chose an expert, the first C stay; `policy`
  says which ones come first:
  - [position] `"position"`: the earlier token; within a token, the earlier slot;
  - [weight] `"weight"`: the larger weight; among equal weights, the earlier token, then the earlier
    slot.
- [dropped] `dropped_fraction`: dropped slots divided by T · k, as a number; 0.0 for T = 0.

What else holds:

- [capacity] Compute C in the order in which the formula has it: T · k, times the factor, divided by
  E, and then rounded up.
- [slots] A token may lose one slot and keep another.
- [infinity] With `capacity_factor = math.inf` everything is kept.
- [wrong-arguments] `ValueError` for an unknown policy, and for a capacity factor that is 0,
  negative or NaN.
- [unchanged] The inputs are not changed.

Sources: capacity: [Lepikhin et al., *GShard* (2020)](https://arxiv.org/abs/2006.16668), and [Fedus
et al., *Switch Transformers* (2022)](https://arxiv.org/abs/2101.03961), section 2.2, where $k = 1$
makes `"position"` the rule; `"weight"` is `drop_policy="probs"` of
[Megatron-Core](https://github.com/NVIDIA/Megatron-LM/blob/00611e6eeb0b09b5ee074750956855215ddbd67f/megatron/core/transformer/moe/moe_utils.py).
Others differ: GShard (algorithm 1) and V-MoE serve the first choices of *all* tokens before any
second one, and *batch prioritized routing* ([Riquelme et al.,
2021](https://arxiv.org/abs/2106.05974)) sorts whole tokens by their best weight.

<details><summary>Hint 1 of 3</summary>

Think of one expert first: put the slots that chose it into the order of the policy, and keep the
first C.
</details>

<details><summary>Hint 2 of 3</summary>

`torch.sort(…, descending=True, stable=True)` keeps equal weights in the order in which they stand.
</details>

<details><summary>Hint 3 of 3</summary>

For all experts at once: sort the slots by expert, stably; the place of a slot within its expert is
its place in that order minus where its expert begins. A loop over experts is fine, too.
</details>
"""

from __future__ import annotations

import math

import torch

from autograder import Effort, Exercise

exercise = Exercise("apply_capacity", effort=Effort(difficulty=4, importance=4, minutes=50))


@exercise.solution
def apply_capacity(
    indices: torch.Tensor,
    weights: torch.Tensor,
    num_experts: int,
    capacity_factor: float,
    policy: str = "position",
) -> tuple[torch.Tensor, float]:
    """Decide which routing slots fit into their experts: `(keep, dropped_fraction)`.

    `indices` and `weights` are [T, k]; `keep` is a bool tensor [T, k]. Raises `ValueError` for an
    unknown policy and for a capacity factor that is not greater than 0.
    """
    if policy not in ("position", "weight"):
        raise ValueError(f"policy is {policy!r}; it must be 'position' or 'weight'")
    if not capacity_factor > 0:
        raise ValueError(f"capacity_factor is {capacity_factor}; it must be greater than 0")
    slots = indices.numel()
    if slots == 0 or math.isinf(capacity_factor):
        return torch.ones_like(indices, dtype=torch.bool), 0.0
    capacity = math.ceil(slots * capacity_factor / num_experts)
    chosen = indices.flatten()
    order = torch.arange(slots, device=indices.device)
    if policy == "weight":
        order = torch.sort(weights.detach().flatten(), descending=True, stable=True).indices
    by_expert = order[torch.sort(chosen[order], stable=True).indices]
    starts = torch.bincount(chosen, minlength=num_experts).cumsum(0).roll(1)
    starts[0] = 0
    place = torch.arange(slots, device=indices.device) - starts[chosen[by_expert]]
    keep = torch.empty(slots, dtype=torch.bool, device=indices.device)
    keep[by_expert] = place < capacity
    return keep.reshape(indices.shape), float((~keep).sum()) / slots
