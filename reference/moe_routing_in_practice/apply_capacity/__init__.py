r"""# Expert capacity

On an accelerator every expert gets a buffer of fixed size: its *capacity*. Slots that find it full
are *dropped*, and the token passes that expert by. For T tokens with k experts each,

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

Sources: Lepikhin et al., *GShard* (2020); Fedus et al., *Switch Transformers* (2021), section 2.2;
dropping by weight is *batch prioritized routing*: Riquelme et al., *Scaling Vision with Sparse
Mixture of Experts* (2021).
"""

from __future__ import annotations

import math

import torch

from autograder import Exercise

exercise = Exercise("apply_capacity")


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
