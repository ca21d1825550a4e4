r"""# Router saturation

During training, routing settles early: after a small part of the run a token already goes to most
of the experts that it will go to in the end. *Router saturation* measures that: route the same
tokens with two checkpoints, and compare the choices.

Write `router_saturation(indices_a, indices_b, token_mask=None)` for two routings of the same T
tokens, both [T, k] and int64. It returns the mean over the real tokens of

$$\frac{|A_t \cap B_t|}{k}$$

where $A_t$ and $B_t$ are the sets of a token's experts in the two routings.

- [mean] The result is a number between 0 and 1: the mean over the tokens of the share of a token's
  experts that both routings have in common.
- [order] The order of a token's experts does not matter: `[3, 5]` and `[5, 3]` are the same choice.
- [mask] `token_mask` ([T]) is true or 1 for real tokens, as booleans or in any integer or float
  dtype; `None` means that all are real. Padding counts for nothing, and without any real token
  there is no mean: that is a `ValueError`.
- [wrong-arguments] `ValueError` for two tensors of different shapes, and for T = 0.
- [unchanged] The inputs are not changed.

(`token_mask` is new. An answer that was written without it is graded as before.)

Chance is not 0: two random routings agree in k/E of the experts on average, 12.5 % for the 8 of 64
experts of OLMoE.

Source: [Muennighoff et al., *OLMoE: Open Mixture-of-Experts Language Models*
(2024)](https://arxiv.org/abs/2409.02060), section 5.1, equation 5.

<details><summary>Hint</summary>

Compare every slot of one choice with every slot of the other: `a[:, :, None] == b[:, None, :]`.
</details>
"""

from __future__ import annotations

import torch

from autograder import Effort, Exercise

exercise = Exercise("router_saturation", effort=Effort(difficulty=1, importance=3, minutes=15))


@exercise.solution
def router_saturation(
    indices_a: torch.Tensor, indices_b: torch.Tensor, token_mask: torch.Tensor | None = None
) -> float:
    """Return the mean share of a token's experts that two routings have in common.

    Both are [T, k], `token_mask` is [T] or `None`. Raises `ValueError` for different shapes and
    where there is no real token.
    """
    if indices_a.shape != indices_b.shape:
        raise ValueError(f"the shapes differ: {indices_a.shape} and {indices_b.shape}")
    if token_mask is not None:
        indices_a, indices_b = indices_a[token_mask.bool()], indices_b[token_mask.bool()]
    if len(indices_a) == 0:
        raise ValueError("there are no tokens to compare")
    common = indices_a.unsqueeze(2) == indices_b.unsqueeze(1)
    return float(common.sum()) / indices_a.numel()
