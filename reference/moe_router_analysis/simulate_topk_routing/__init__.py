r"""# Top-k routing

A mixture-of-experts layer sends each token to its $k$ best experts only. Their outputs are mixed
with *routing weights*: the softmax over the $k$ **selected** logits alone, so that the weights of a
token add up to 1:

$$w_{t,j} = \frac{\exp(z_{t,i_j})}{\sum_{l=1}^{k} \exp(z_{t,i_l})}
\qquad i_1, \dots, i_k: \text{the experts with the largest logits } z_t \text{, best first}$$

That is what Mixtral does ([Jiang et al., *Mixtral of Experts*, 2024](https://arxiv.org/abs/2401.04088),
section 2.1).

Write `simulate_topk_routing(logits, top_k=2)` for logits of shape [T, E]. It returns a dict:

- [indices] `top_indices`: tensor [T, k], int64: each token's experts, best first.
- [weights] `routing_weights`: tensor [T, k], float32: their weights, in the same order, the softmax
  over the selected logits alone.
- [counts] `expert_counts`: a dict from **every** expert 0..E−1 to how often it was selected.
- [sums] `expert_weight_sums`: a dict from **every** expert 0..E−1 to the sum of its routing
  weights.
- [mean-and-std] `mean_first_expert_weight` and `std_first_expert_weight`: mean and sample standard
  deviation (n − 1; 0.0 for one token) over the tokens of the best expert's weight.

What else holds:

- [every-expert] Experts that no token selects are in both dicts, with 0. The keys are plain ints.
- [by-logits] Choose by the logits, not by their softmax: logits may be hundreds apart, where all
  but the best probabilities are rounded to 0 and no longer tell which expert comes next.
- [wrong-arguments] `ValueError` for a `top_k` outside 1..E, and for T = 0.
- [fast] 200,000 tokens × 64 experts must take about a second on one core. A Python loop over tokens
  is too slow for that: `torch.topk` works on all tokens at once, and so do `torch.bincount` and
  `scatter_add_`. A loop over the experts is fine.
- [unchanged] The logits are not changed.
- [low-precision] bfloat16 or float16 logits are computed in float32.

Equal logits: any choice among the tied experts is right.

<details><summary>Hint 1 of 2</summary>

`torch.topk` on the logits gives values and indices at once, best first. The softmax goes over those
values.
</details>

<details><summary>Hint 2 of 2</summary>

`torch.bincount(slots, minlength=E)` counts; with `weights=` it sums.
</details>
"""

from __future__ import annotations

from typing import Any

import torch

from autograder import Effort, Exercise

exercise = Exercise("simulate_topk_routing", effort=Effort(difficulty=2, importance=5, minutes=30))


@exercise.solution
def simulate_topk_routing(logits: torch.Tensor, top_k: int = 2) -> dict[str, Any]:
    """Route every token to its `top_k` best experts and return the choices with their statistics.

    `logits` is [T, E]. The keys are `top_indices` and `routing_weights` (tensors [T, k]),
    `expert_counts` and `expert_weight_sums` (dicts with every expert), `mean_first_expert_weight`
    and `std_first_expert_weight` (numbers). Raises `ValueError` for a `top_k` outside 1..E and for
    T = 0.
    """
    tokens, experts = logits.shape
    if not 1 <= top_k <= experts:
        raise ValueError(f"top_k is {top_k}; it must be 1..{experts}")
    if tokens == 0:
        raise ValueError("there are no tokens to route")
    selected, top_indices = torch.topk(logits.detach().float(), top_k, dim=-1)
    routing_weights = torch.softmax(selected, dim=-1)
    slots = top_indices.flatten()
    counts = torch.bincount(slots, minlength=experts)
    sums = torch.bincount(slots, weights=routing_weights.flatten().double(), minlength=experts)
    first = routing_weights[:, 0].double()
    return {
        "top_indices": top_indices,
        "routing_weights": routing_weights,
        "expert_counts": dict(enumerate(counts.tolist())),
        "expert_weight_sums": dict(enumerate(sums.tolist())),
        "mean_first_expert_weight": first.mean().item(),
        "std_first_expert_weight": first.std().item() if tokens > 1 else 0.0,
    }
