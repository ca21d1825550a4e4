r"""# Balance without a loss, step after step

A bias per expert that is added when experts are *chosen*, and is moved a small step after each
training step, balances the load without any auxiliary loss. Here you run that loop over many steps
and watch what it does: how fast the load evens out, and what is left when it has.

There are $S$ steps. At step $s$ each of the $T$ tokens takes the `top_k` experts with the largest
$\text{scores}[s] + b_s$. With the counts $c_s$ of that step and their mean
$\bar c = T \cdot k / E$,

$$b_{s+1} = b_s + \text{rate} \cdot \mathrm{sign}(\bar c - c_s) \qquad \mathrm{sign}(0) = 0$$

Write `balance_with_bias(scores, top_k, rate, bias=None)`. `scores` is [S, T, E], the affinities of
the tokens, and `bias` [E] or `None`; both may come in float32, bfloat16 or float16.

- [start] The first step uses `bias` as it is given, and zeros for `None`.
- [next-step] The counts of a step change the choice of the *next* step, never that of the same one.
- [mean] The mean $\bar c$ is not rounded. An expert exactly at the mean keeps its bias.

It returns a dict:

- [counts] `counts`: int64 [S, E], how many tokens each expert got at each step.
- [bias] `bias`: float32 [S + 1, E]. Row s is the bias that step s used; the last row is the bias
  after the last step.
- [max-violation] `max_violation`: float32 [S], the largest count of a step divided by $\bar c$,
  minus 1.
- [global-violation] `global_violation`: a number, the same for the counts of all steps added up.

What else holds:

- [float32] Biases and scores in half precision are added, compared and updated in float32.
- [errors] `ValueError` for scores that are not three-dimensional, for a `top_k` outside 1..E, and
  where S or T is 0.

Source: Wang et al., [*Auxiliary-Loss-Free Load Balancing Strategy for
Mixture-of-Experts*](https://arxiv.org/abs/2408.15664) (2024), algorithm 1, and section 4 for the
violation of a batch and of all batches together.
"""

from __future__ import annotations

from typing import Any

import torch

from autograder import Exercise

exercise = Exercise("balance_with_bias")


@exercise.solution
def balance_with_bias(
    scores: torch.Tensor, top_k: int, rate: float, bias: torch.Tensor | None = None
) -> dict[str, Any]:
    """Choose experts for S steps of T tokens with a bias that moves by `rate` after each step.

    `scores` is [S, T, E], `bias` [E] or `None` for zeros. The keys are `counts` (int64 [S, E]),
    `bias` (float32 [S + 1, E]), `max_violation` (float32 [S]) and the number `global_violation`.
    Raises `ValueError` for scores of another dimension, a `top_k` outside 1..E, and no step or
    token.
    """
    if scores.dim() != 3:
        raise ValueError(f"scores have shape {list(scores.shape)}; they must be [S, T, E]")
    steps, tokens, experts = scores.shape
    if not 1 <= top_k <= experts:
        raise ValueError(f"top_k is {top_k}; it must be 1..{experts}")
    if steps == 0 or tokens == 0:
        raise ValueError("there must be at least one step and one token")
    now = torch.zeros(experts) if bias is None else bias.detach().float()
    slots = tokens * top_k
    used, counts = [now], []
    for affinities in scores.detach().float():
        chosen = (affinities + now).topk(top_k, dim=-1).indices
        count = torch.bincount(chosen.flatten(), minlength=experts)
        now = now + rate * torch.sign(slots - experts * count).float()
        counts.append(count)
        used.append(now)
    load = torch.stack(counts)
    return {
        "counts": load,
        "bias": torch.stack(used),
        "max_violation": experts * load.amax(dim=1) / slots - 1,
        "global_violation": experts * int(load.sum(dim=0).max()) / (steps * slots) - 1,
    }
