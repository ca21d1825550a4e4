r"""# Switch Transformer loss

The balancing loss of Switch Transformers, of OLMoE, and of the code for Mixtral and Qwen-MoE in
transformers looks at two things: how often an expert is *chosen*, and how much probability the
router gives it. (Others balance otherwise: DeepSeek-V3 by a bias, and Qwen3 counts over the global
batch.) For the **real** tokens (those that are not padding),

$$\mathcal{L} = E \cdot \sum_{i=1}^{E} f_i \, P_i \qquad
f_i = \frac{\text{slots that go to expert } i}{\text{all slots}} \qquad
P_i = \text{mean of } \mathrm{softmax}(z_t)_i \text{ over the real tokens}$$

Each real token $t$ fills $k$ slots: its `top_k` largest logits. So with $T$ real tokens there are
$T \cdot k$ slots, and $\sum_i f_i = 1$ whatever $k$ is. The loss is 1 for a uniform router.

Counting cannot be differentiated, so the gradient flows through $P$ only; $f_i$ acts as a weight.
An expert with a large share gets its probability pushed down. This is equation 4 of [Fedus et
al., *Switch Transformers* (2022)](https://arxiv.org/abs/2101.03961), for any $k$.
(`load_balancing_loss_func` in transformers leaves out the division by $k$ in $f$: its value is $k$
times this one.)

Write `compute_switch_loss(router_logits, top_k=2, token_mask=None)`, which returns $\mathcal{L}$.

- [value] The result is a scalar tensor (float32): E times the sum over the experts of the share of
  slots that they get times their mean probability.
- [gradient] The gradient flows through the mean probabilities only.
- [low-precision] `router_logits` is [T, E], float32, bfloat16 or float16: compute in float32, for
  large logits too.
- [mask] `token_mask` is [T]: true or 1 for real tokens, false or 0 for padding. It may be boolean,
  or hold 0 and 1 as integers or floats of any size; there may be thousands of tokens. `None` means
  that all tokens are real.
- [padding] What padding rows hold must not matter.
- [no-token] Without any real token the loss is a scalar tensor 0.0.
- [wrong-top-k] `ValueError` for a `top_k` outside 1..E, also when there is no real token.
- [largest-logits] Count the k largest *logits*: where they are hundreds apart, most probabilities
  round to 0.
- [unchanged] The inputs are not changed.

<details><summary>Hint 1 of 3</summary>

Take the padding rows out first. What they hold cannot matter after that.
</details>

<details><summary>Hint 2 of 3</summary>

Counting with `torch.bincount` has no gradient, so there is nothing that you would have to detach:
multiply the shares with the mean probabilities and sum.
</details>

<details><summary>Hint 3 of 3</summary>

Mind two orders: `top_k` is checked before the number of tokens is, and the logits become float32
before the softmax, not after it.
</details>
"""

from __future__ import annotations

import torch

from autograder import Effort, Exercise

exercise = Exercise("compute_switch_loss", effort=Effort(difficulty=3, importance=5, minutes=30))


@exercise.solution
def compute_switch_loss(
    router_logits: torch.Tensor, top_k: int = 2, token_mask: torch.Tensor | None = None
) -> torch.Tensor:
    """Return the Switch Transformer load-balancing loss over the real tokens, a float32 scalar.

    `router_logits` is [T, E]; `token_mask` is [T], true or 1 for real tokens, `None` for all. The
    gradient flows through the probabilities only. Raises `ValueError` for a `top_k` outside 1..E.
    """
    experts = router_logits.shape[1]
    if not 1 <= top_k <= experts:
        raise ValueError(f"top_k is {top_k}; it must be 1..{experts}")
    logits = router_logits.float()
    if token_mask is not None:
        logits = logits[token_mask.bool()]
    if len(logits) == 0:
        return torch.zeros((), device=logits.device)
    chosen = logits.detach().topk(top_k, dim=-1).indices
    shares = torch.bincount(chosen.flatten(), minlength=experts) / chosen.numel()
    return experts * torch.dot(shares, torch.softmax(logits, dim=-1).mean(dim=0))
