r"""# Experts choose their tokens

Every way of balancing so far repairs what a token's choice has broken. Zhou et al. (2022) turn the
choice around: each *expert* takes the tokens that want it most, and all experts take equally many.
The load is perfect by construction, without a loss, a bias or a dropped slot. The price is paid by
the tokens: some are taken by several experts, some by none. And an expert compares all tokens of a
batch before it chooses, so that a later token can push out an earlier one. A model that writes one
token after another cannot know the later ones; that is why language models hardly use it.

With $s$ the softmax over the experts of each token's logits, n real tokens and E experts, each
expert takes

$$C = \min\big(n, \; \lceil n \cdot \text{capacity\_factor} \,/\, E \rceil\big)$$

tokens. Write `expert_choice(logits, capacity_factor, token_mask=None)` for logits [T, E]. It
returns a dict:

- [chosen] `chosen`: int64 tensor [E, C]: for each expert the C real tokens with its largest $s$,
  the best one first. Tokens are named by their positions 0..T − 1 among all tokens, padding
  included.
- [weights] `weights`: float32 tensor [E, C]: $s$ of these tokens as it is, not normalised again.
- [experts-per-token] `experts_per_token`: int64 tensor [T]: how many experts took each token; 0 for
  padding.
- [unserved] `unserved`: the share of the real tokens that no expert took, as a number; 0.0 where
  there is no real token.

What else holds:

- [capacity] Compute C in the order in which the formula has it: n, times the factor, divided by E,
  and then rounded up.
- [infinity] An expert never takes more than n tokens. With `capacity_factor = math.inf` it takes
  all of them.
- [mask] `token_mask` ([T]) is true or 1 for real tokens, as booleans or in any integer or float
  dtype (bfloat16 and float16, too); `None` means that all are real. Padding is never chosen, and
  what its logits are must not matter.
- [equal-tokens] Among equal tokens (their logits are identical) the earlier one comes first.
- [low-precision] Logits in bfloat16 or float16 are computed with in float32.
- [no-token] T may be 0, and all tokens may be padding: then C is 0.
- [wrong-arguments] `ValueError` for a capacity factor that is 0, negative or NaN.
- [unchanged] The inputs are not changed.

Source: Zhou et al., [*Mixture-of-Experts with Expert Choice
Routing*](https://arxiv.org/abs/2202.09368) (2022), section 3.2; what it means for models that write
token after token stands in the appendix.
"""

from __future__ import annotations

import math
from typing import Any

import torch

from autograder import Effort, Exercise

exercise = Exercise("expert_choice", effort=Effort(difficulty=2, importance=3, minutes=25))


@exercise.solution
def expert_choice(
    logits: torch.Tensor, capacity_factor: float, token_mask: torch.Tensor | None = None
) -> dict[str, Any]:
    """Let each expert take the real tokens that want it most, all experts equally many.

    `logits` is [T, E], `token_mask` [T] or `None`. The keys are `chosen` ([E, C], int64), `weights`
    ([E, C], float32), `experts_per_token` ([T], int64) and the number `unserved`. Raises
    `ValueError` for a capacity factor that is not greater than 0.
    """
    if not capacity_factor > 0:
        raise ValueError(f"capacity_factor is {capacity_factor}; it must be greater than 0")
    tokens, experts = logits.shape
    scores = logits.detach().float().softmax(dim=1)
    real = torch.arange(tokens, device=logits.device)
    if token_mask is not None:
        real = real[token_mask.bool()]
    count = len(real)
    capacity = math.ceil(min(count, count * capacity_factor / experts)) if count else 0
    weights, order = scores[real].sort(dim=0, descending=True, stable=True)
    chosen = real[order[:capacity].T]
    taken = torch.bincount(chosen.flatten(), minlength=tokens)
    return {
        "chosen": chosen,
        "weights": weights[:capacity].T.contiguous(),
        "experts_per_token": taken,
        "unserved": float((taken[real] == 0).sum()) / count if count else 0.0,
    }
