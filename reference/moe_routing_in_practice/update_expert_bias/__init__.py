r"""# Balancing without a loss

An auxiliary loss balances the load, but its gradient also disturbs what the router learns.
DeepSeek-V3 leaves most of the balancing to something else: each expert has a bias that is added to
its score when experts are *selected* (see `route`), and after each training step the bias moves a
small, fixed step: up for experts that got too little, down for experts that got too much. (A loss
remains, per sequence and tiny: α = 0.0001. The rate is 0.001, and 0 for the last 500 billion
tokens.)

$$b_i \leftarrow b_i + \text{rate} \cdot \mathrm{sign}(\bar n - n_i)$$

with the counts $n_i$ of the step, their mean $\bar n$ over the experts, and
$\mathrm{sign}(0) = 0$.

Write `update_expert_bias(bias, counts, rate=0.001)` for `bias` [E] and `counts` ([E], int64).

- [step] Each bias moves by `rate`: up where the expert's count is below the mean, down where it is
  above.
- [mean] An expert exactly at the mean keeps its bias. The mean is not rounded.
- [new] The result is a **new** float32 tensor [E]; `bias` and `counts` are not changed.
- [large-counts] Counts may be large (their sum is below 2²⁴).
- [float32] A bias in bfloat16 or float16 is updated in float32.

Sources: [Wang et al., *Auxiliary-Loss-Free Load Balancing Strategy for Mixture-of-Experts*
(2024)](https://arxiv.org/abs/2408.15664), algorithm 1; [*DeepSeek-V3 Technical
Report*](https://arxiv.org/abs/2412.19437), sections 2.1.2 and 4.2.

<details><summary>Hint</summary>

Below the mean means: E · count is less than the sum of all counts. Whole numbers need no rounding.
</details>
"""

from __future__ import annotations

import torch

from autograder import Effort, Exercise

exercise = Exercise("update_expert_bias", effort=Effort(difficulty=1, importance=4, minutes=15))


@exercise.solution
def update_expert_bias(
    bias: torch.Tensor, counts: torch.Tensor, rate: float = 0.001
) -> torch.Tensor:
    """Return the bias moved by `rate` towards balance: up where an expert got too little.

    `bias` and `counts` are [E], counts int64; the result is a new float32 tensor.
    """
    excess = len(counts) * counts - counts.sum()
    return bias.detach().float() - rate * excess.sign().float()
