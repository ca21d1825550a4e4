r"""# Router z-loss

The softmax does not change when a constant is added to all logits, so nothing keeps router logits
from growing during training. Large logits are rounded coarsely in bfloat16, and training becomes
unstable. The *z-loss* pulls their normaliser towards zero. With real tokens $t$,

$$\mathcal{L}_z = \text{mean over real tokens of }
\Big( \ln \sum_{i=1}^{E} \exp z_{t,i} \Big)^2$$

Write `router_z_loss(logits, token_mask=None)` for logits [T, E].

- [value] The result is a scalar tensor (float32): the mean over real tokens of the squared
  logarithm of the sum of the exponentials.
- [gradient] It is differentiable with respect to the logits.
- [mask] `token_mask` ([T]) is true or 1 for real tokens, as booleans or in any integer or float
  dtype (bfloat16 and float16, too); `None` means that all are real.
- [padding] What padding rows hold must matter neither for the value nor for the gradient, however
  large it is.
- [no-token] Without any real token the loss is a scalar tensor 0.0.
- [large-logits] Logits may be bfloat16 or float16 (compute in float32), and so large that their
  exponential overflows.
- [unchanged] The logits are not changed.

Source: [Zoph et al., *ST-MoE: Designing Stable and Transferable Sparse Expert Models*
(2022)](https://arxiv.org/abs/2202.08906), equation 5.

<details><summary>Hint 1 of 2</summary>

`torch.logsumexp` does not overflow where `log(sum(exp))` does.
</details>

<details><summary>Hint 2 of 2</summary>

Select the real rows before anything is computed. Multiplying by the mask afterwards is too late:
infinity times 0 is NaN, also in the gradient.
</details>
"""

from __future__ import annotations

import torch

from autograder import Effort, Exercise

exercise = Exercise("router_z_loss", effort=Effort(difficulty=2, importance=3, minutes=20))


@exercise.solution
def router_z_loss(logits: torch.Tensor, token_mask: torch.Tensor | None = None) -> torch.Tensor:
    """Return the router z-loss over the real tokens, a float32 scalar.

    `logits` is [T, E]; `token_mask` is [T], true or 1 for real tokens, `None` for all.
    Differentiable with respect to the logits.
    """
    values = logits.float()
    if token_mask is not None:
        values = values[token_mask.bool()]
    if len(values) == 0:
        return torch.zeros((), device=values.device)
    return torch.logsumexp(values, dim=-1).square().mean()
