r"""# Expert co-activation

Do experts work alone or in teams? Two experts that are always selected together could as well be
one; and if they live on different machines, each of their tokens has to travel to both.

Write `coactivation(indices, num_experts, token_mask=None)` for routing decisions `indices` ([T, k],
int64; a token's experts are distinct). The result $A$ has an entry for each pair of experts:

$$A_{ij} = \frac{|\{t : i \in S_t \text{ and } j \in S_t\}|}{|\{t : i \in S_t\}|} \qquad (i \ne j)$$

where $S_t$ holds the experts of token $t$, and $t$ runs over the real tokens.

- [shares] The result is a float32 tensor [E, E]. Entry (i, j) is, of the tokens that use expert i,
  the share that also use expert j.
- [slots] It does not matter in which slots of a token the two experts are.
- [asymmetric] The matrix is not symmetric: a rare expert may always come with a popular one, and
  not vice versa.
- [zeros] The diagonal is 0, and so is the row of an expert that no token uses.
- [mask] `token_mask` ([T]) is true or 1 for real tokens, as booleans or in any integer or float
  dtype; `None` means that all are real. Padding counts for nothing.
- [unchanged] The inputs are not changed.

(`token_mask` is new. An answer that was written without it is graded as before.)

In a balanced router in which no two experts belong together, an entry is about (k − 1)/(E − 1):
compare with that.

Source: [Muennighoff et al., *OLMoE: Open Mixture-of-Experts Language Models*
(2024)](https://arxiv.org/abs/2409.02060), section 5.2, equation 6.

<details><summary>Hint</summary>

Make a matrix [T, E] with a 1 where a token uses an expert. What is its transpose times itself?
</details>
"""

from __future__ import annotations

import torch

from autograder import Effort, Exercise

exercise = Exercise("coactivation", effort=Effort(difficulty=2, importance=3, minutes=25))


@exercise.solution
def coactivation(
    indices: torch.Tensor, num_experts: int, token_mask: torch.Tensor | None = None
) -> torch.Tensor:
    """Return, for each pair of experts, how often the second is used where the first is.

    `indices` is [T, k], `token_mask` [T] or `None`; the result is float32 [E, E], with zeros on the
    diagonal and in the rows of unused experts.
    """
    if token_mask is not None:
        indices = indices[token_mask.bool()]
    used = torch.zeros(len(indices), num_experts, dtype=torch.float64)
    used.scatter_(1, indices, 1.0)
    together = used.T @ used
    tokens = together.diagonal().clone().clamp(min=1.0)
    return (together / tokens.unsqueeze(1)).fill_diagonal_(0.0).float()
