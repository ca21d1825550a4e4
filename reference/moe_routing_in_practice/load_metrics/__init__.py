r"""# Load metrics

How unbalanced is a layer? A training run logs that at every step, as numbers that can be compared
between layers. (Mind their ranges: the maximal violation reaches E/k − 1 when all tokens choose the
same k experts. And mind chance: dice that choose k of E experts for T tokens give a squared
coefficient of variation of about (1 − k/E) · E/(T · k).)

Let $n_i$ be the number of routing slots that went to expert $i$, and $\bar n$ their mean over
**all** E experts.

Write `load_metrics(indices, num_experts, token_mask=None)` for routing decisions `indices` ([T, k],
int64). It returns a dict with these keys:

- [counts] `counts`: tensor [E], int64: the slots of each expert, of real tokens only.
- [max-violation] `max_violation`: the largest count divided by the mean, minus 1.
  0 is balanced, 1 is twice the mean.
- [cv-squared] `cv_squared`: the variance of the counts (population, divide by E) divided by their
  squared mean.
- [entropy] `entropy`: the entropy of the experts' shares of the slots, divided by that of a
  balanced load, ln E. A share of 0 adds nothing.
- [gini] `gini`: the Gini coefficient, which is the mean absolute difference of two counts, divided
  by twice their mean. 0 is balanced, (E − 1)/E when one expert gets everything.
- [dead] `dead_experts`: the sorted list of the experts that no real token uses.

With $p_i = n_i / \sum_j n_j$, the entropy and the Gini coefficient are

$$H = -\frac{1}{\ln E} \sum_i p_i \ln p_i \qquad
G = \frac{\sum_i \sum_j |n_i - n_j|}{2 \, E^2 \, \bar n}$$

- [mask] `token_mask` ([T]) is true or 1 for real tokens, as booleans or in any integer or float
  dtype (bfloat16 and float16, too); `None` means that all are real.
- [no-token] Without any routed token, all counts are 0, `entropy` is 1.0, the other numbers are
  0.0, and every expert is dead.
- [wrong-arguments] `ValueError` for an index outside 0..E−1, and for fewer than two experts.

Sources: maximal violation: [Wang et al., *Auxiliary-Loss-Free Load Balancing Strategy*
(2024)](https://arxiv.org/abs/2408.15664); squared coefficient of variation: [Shazeer et al.,
*Outrageously Large Neural Networks* (2017)](https://arxiv.org/abs/1701.06538), section 4.

<details><summary>Hint 1 of 2</summary>

Count once, with `minlength`, and compute everything else from the counts in float64.
</details>

<details><summary>Hint 2 of 2</summary>

`torch.special.entr(p)` is $-p \ln p$, and 0 for $p = 0$. All differences of counts are
`counts[:, None] - counts[None, :]`.
</details>
"""

from __future__ import annotations

import math
from typing import Any

import torch

from autograder import Effort, Exercise

exercise = Exercise("load_metrics", effort=Effort(difficulty=2, importance=5, minutes=35))


@exercise.solution
def load_metrics(
    indices: torch.Tensor, num_experts: int, token_mask: torch.Tensor | None = None
) -> dict[str, Any]:
    """Measure how evenly the routing slots of real tokens are spread over the experts.

    `indices` is [T, k], `token_mask` [T] or `None`. The keys are `counts` ([E], int64), the numbers
    `max_violation`, `cv_squared`, `entropy` and `gini`, and the list `dead_experts`. Raises
    `ValueError` for an index outside 0..E−1 and for fewer than two experts.
    """
    if num_experts < 2:
        raise ValueError(f"num_experts is {num_experts}; balance needs at least 2")
    if bool(((indices < 0) | (indices >= num_experts)).any()):
        raise ValueError(f"indices must be 0..{num_experts - 1}")
    kept = indices if token_mask is None else indices[token_mask.bool()]
    counts = torch.bincount(kept.flatten(), minlength=num_experts)
    loads = counts.double()
    mean = loads.mean()
    if mean == 0:
        measured = {"max_violation": 0.0, "cv_squared": 0.0, "entropy": 1.0, "gini": 0.0}
    else:
        differences = (loads.unsqueeze(0) - loads.unsqueeze(1)).abs()
        measured = {
            "max_violation": float(loads.max() / mean - 1),
            "cv_squared": float(loads.var(correction=0) / mean**2),
            "entropy": float(torch.special.entr(loads / loads.sum()).sum() / math.log(num_experts)),
            "gini": float(differences.mean() / (2 * mean)),
        }
    dead = [expert for expert, count in enumerate(counts.tolist()) if count == 0]
    return {"counts": counts, **measured, "dead_experts": dead}
