r"""# Load-balancing loss

A router that is left alone tends to collapse: a few experts are chosen more and more often, learn
more, and are chosen even more often, while the others learn nothing. An *auxiliary loss* works
against that; it is added to the training loss with a small weight. The one of this exercise is
smallest when the router gives all experts the same probability on average.

For logits $z$ of shape [T, E] let $P_i$ be the mean over all tokens of expert $i$'s probability:

$$P_i = \frac{1}{T} \sum_{t=1}^{T} \mathrm{softmax}(z_t)_i \qquad\qquad
\mathcal{L} = E \cdot \sum_{i=1}^{E} P_i^2$$

$\mathcal{L}$ is 1 when the probability is spread uniformly over the experts, and $E$ when all of it
is on one expert. Each token may be as decided as it likes: only the mean over the tokens counts.

Write `compute_load_balancing_loss(router_logits, top_k=2)`, which returns $\mathcal{L}$.

- [value] The result is a scalar tensor (float32): E times the sum of the squares of the mean
  probabilities of the experts.
- [gradient] The loss must be differentiable with respect to the logits: gradients flow through all
  mean probabilities.
- [top-k] `top_k` does not change the value. It is there because training code passes it to any
  auxiliary loss; it must be one of 1..E.
- [low-precision] Logits may be bfloat16 or float16: compute in float32. They may also be large;
  `torch.softmax` copes with that, exponentials divided by their sum do not.
- [wrong-arguments] `ValueError` for a `top_k` outside 1..E, and for logits without tokens (T = 0).

The form that Switch Transformers use, with counted routing decisions, comes next:
`compute_switch_loss`.

Source: $\mathcal{L} - 1$ is the squared coefficient of variation of the mean probabilities, the
*importance loss* of [Shazeer et al. (2017)](https://arxiv.org/abs/1701.06538), section 4.

<details><summary>Hint</summary>

Two dimensions, two jobs: the softmax goes over the experts, the mean over the tokens.
</details>
"""

from __future__ import annotations

import torch

from autograder import Effort, Exercise

exercise = Exercise(
    "compute_load_balancing_loss", effort=Effort(difficulty=1, importance=5, minutes=15)
)


@exercise.solution
def compute_load_balancing_loss(router_logits: torch.Tensor, top_k: int = 2) -> torch.Tensor:
    """Return the load-balancing loss of the lab, a float32 scalar between 1 and E.

    `router_logits` is [T, E]. `top_k` does not change the value. Differentiable with respect to
    the logits. Raises `ValueError` for a `top_k` outside 1..E and for T = 0.
    """
    tokens, experts = router_logits.shape
    if not 1 <= top_k <= experts:
        raise ValueError(f"top_k is {top_k}; it must be 1..{experts}")
    if tokens == 0:
        raise ValueError("there are no tokens: the mean probability is not defined")
    mean_probabilities = torch.softmax(router_logits.float(), dim=-1).mean(dim=0)
    return experts * mean_probabilities.square().sum()
