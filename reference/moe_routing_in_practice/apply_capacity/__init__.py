r"""# Expert capacity

Where the shapes of all tensors must be known in advance (GShard and Switch Transformers on TPUs),
every expert gets a buffer of fixed size: its *capacity*. Slots that find it full are *dropped*, and
the token passes that expert by. (MegaBlocks, DeepSeek-V3, OLMoE and vLLM work without, and drop
nothing.) For T tokens with k experts each,

$$C = \left\lceil T \cdot k \cdot \text{capacity\_factor} \,/\, E \right\rceil$$

slots fit into each expert. A factor of 1 is just enough for a perfectly balanced load.

Write `apply_capacity(indices, weights, num_experts, capacity_factor, policy="position",
token_mask=None)` for `indices` (int64) and `weights`, both [T, k]. It returns the pair
`(keep, dropped_fraction)`:

- [keep] `keep`: bool tensor [T, k]. Of all slots that chose an expert, the first C stay; `policy`
  says which ones come first:
  - [position] `"position"`: the earlier token; within a token, the earlier slot;
  - [weight] `"weight"`: the larger weight; among equal weights, the earlier token, then the earlier
    slot;
  - [choice] `"choice"`: the earlier slot; among equal slots, the earlier token. The first choices
    of all tokens are served before any second choice.
- [dropped] `dropped_fraction`: dropped slots divided by T · k, as a number; 0.0 for T = 0.

What else holds:

- [capacity] Compute C in the order in which the formula has it: T · k, times the factor, divided by
  E, and then rounded up.
- [slots] A token may lose one slot and keep another.
- [mask] `token_mask` ([T]) is true or 1 for real tokens, as booleans or in any integer or float
  dtype; `None` means that all are real. Padding takes no place: its `keep` is False whatever the
  capacity, T is the number of real tokens in C and in `dropped_fraction`, and only slots of real
  tokens count as dropped. Without a real token, `dropped_fraction` is 0.0.
- [infinity] With `capacity_factor = math.inf` everything is kept.
- [wrong-arguments] `ValueError` for an unknown policy, and for a capacity factor that is 0,
  negative or NaN.
- [unchanged] The inputs are not changed.

(`"choice"` and `token_mask` are new. An answer that was written without them is graded as before.)

Sources: capacity: [Lepikhin et al., *GShard* (2020)](https://arxiv.org/abs/2006.16668), and [Fedus
et al., *Switch Transformers* (2022)](https://arxiv.org/abs/2101.03961), section 2.2, where $k = 1$
makes `"position"` the rule; `"choice"` is what GShard (algorithm 1) and V-MoE do; `"weight"` is
`drop_policy="probs"` of
[Megatron-Core](https://github.com/NVIDIA/Megatron-LM/blob/00611e6eeb0b09b5ee074750956855215ddbd67f/megatron/core/transformer/moe/moe_utils.py).
*Batch prioritized routing* ([Riquelme et al., 2021](https://arxiv.org/abs/2106.05974)) differs: it
sorts whole tokens by their best weight.

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
    token_mask: torch.Tensor | None = None,
) -> tuple[torch.Tensor, float]:
    """Decide which routing slots fit into their experts: `(keep, dropped_fraction)`.

    `indices` and `weights` are [T, k], `token_mask` is [T] or `None`; `keep` is bool, [T, k].
    Raises `ValueError` for an unknown policy and for a capacity factor that is not greater than 0.
    """
    if policy not in ("position", "weight", "choice"):
        raise ValueError(f"policy is {policy!r}; it must be 'position', 'weight' or 'choice'")
    if not capacity_factor > 0:
        raise ValueError(f"capacity_factor is {capacity_factor}; it must be greater than 0")
    tokens, top_k = indices.shape
    real = torch.ones(tokens, dtype=torch.bool, device=indices.device)
    if token_mask is not None:
        real = token_mask.bool()
    keep = real.unsqueeze(1).repeat(1, top_k)
    slots = int(keep.sum())
    if slots == 0 or math.isinf(capacity_factor):
        return keep, 0.0
    capacity = math.ceil(slots * capacity_factor / num_experts)
    order = torch.arange(tokens * top_k, device=indices.device)
    if policy == "weight":
        order = torch.sort(weights.detach().flatten(), descending=True, stable=True).indices
    elif policy == "choice":
        order = order.reshape(tokens, top_k).T.flatten()
    order = order[keep.flatten()[order]]
    chosen = indices.flatten()[order]
    by_expert = torch.sort(chosen, stable=True).indices
    starts = torch.bincount(chosen, minlength=num_experts).cumsum(0).roll(1)
    starts[0] = 0
    place = torch.arange(slots, device=indices.device) - starts[chosen[by_expert]]
    keep.view(-1)[order[by_expert]] = place < capacity
    return keep, 1 - int(keep.sum()) / slots
