r"""# Comparing top-k

How many experts should a token get? With $k = 1$ the best expert's weight is always 1; with every
further expert some of it goes to the others, and more experts are in use. This exercise puts
numbers on that for one set of logits.

Write `compare_top_k(logits, top_ks=(1, 2, 4))` for logits of shape [T, E] (at least one token).
`top_ks` is a tuple or a list of ints.

- [entries] It returns a dict with one entry for each k in `top_ks`, under the key k itself (an
  int). Each k is looked at on its own.

Each entry is a dict with three numbers:

- [mean-and-std] `mean_first_expert_weight` and `std_first_expert_weight`: mean and sample standard
  deviation (n − 1; 0.0 for one token) over the tokens of the best expert's weight, where a token's
  weights are the softmax over its k selected logits, as in `simulate_topk_routing`;
- [experts-used] `experts_used`: how many experts are selected by at least one token, in any of its
  k slots, however small their weight.

What else holds:

- [wrong-k] `ValueError` if any k is outside 1..E.
- [low-precision] Logits may be bfloat16 or float16 (compute in float32).
- [unchanged] The logits are not changed.

You may call your own `simulate_topk_routing`.

<details><summary>Hint</summary>

Look at each k from scratch: the weights for $k = 4$ are not those for $k = 2$ with two more.
</details>
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from autograder import Effort, Exercise

exercise = Exercise("compare_top_k", effort=Effort(difficulty=1, importance=3, minutes=15))


@exercise.solution
def compare_top_k(
    logits: torch.Tensor, top_ks: Sequence[int] = (1, 2, 4)
) -> dict[int, dict[str, float]]:
    """Return, for each k, how dominant the best expert is and how many experts are used.

    `logits` is [T, E]. The result maps each k to a dict with `mean_first_expert_weight`,
    `std_first_expert_weight` and `experts_used`. Raises `ValueError` for any k outside 1..E.
    """
    experts = logits.shape[1]
    for k in top_ks:
        if not 1 <= k <= experts:
            raise ValueError(f"top_ks holds {k}; each k must be 1..{experts}")
    return {k: _entry(logits.detach().float(), k) for k in top_ks}


def _entry(logits: torch.Tensor, k: int) -> dict[str, float]:
    selected, chosen = logits.topk(k, dim=-1)
    first = torch.softmax(selected, dim=-1)[:, 0].double()
    return {
        "mean_first_expert_weight": first.mean().item(),
        "std_first_expert_weight": first.std().item() if len(first) > 1 else 0.0,
        "experts_used": int((torch.bincount(chosen.flatten()) > 0).sum()),
    }
