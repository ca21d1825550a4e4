r"""# Balanced over whose tokens?

The Switch loss $E \sum_i f_i P_i$ multiplies how often an expert is chosen, $f_i$, by the mean
probability that it gets, $P_i$. In a real training run it is computed on one device for the few
sequences there, the *micro-batch*. That asks for much: a micro-batch of nothing but code has to
spread over *all* experts as evenly as a mixed one, and no expert may become the one for code.
Qiu et al. (2025) measured what that costs. Their way out is small: every device keeps its own $P$,
but all of them share the counts, so that $f$ is the load of the *whole* batch. DeepSeek-V3 goes the
other way on purpose, and adds a small loss that balances within each single sequence.

Both are one formula. It differs in whose tokens $f$ is counted over. For a group $g$ (a micro-batch
or a sequence) of $T_g$ tokens,

$$P^g_i = \text{mean of } \mathrm{softmax}(z_t)_i \text{ over the tokens of } g \qquad
f^g_i = \frac{\text{slots of these tokens that go to expert } i}{T_g \cdot k}$$

and $f_i$ is the same share over the tokens of all groups together:

$$\mathcal{L}_\text{local} = \operatorname*{mean}_g \; E \sum_i f^g_i \, P^g_i \qquad
\mathcal{L}_\text{global} = \operatorname*{mean}_g \; E \sum_i f_i \, P^g_i$$

Write `scoped_balance_loss(logits, top_k, groups, scope="global")`. `logits` is [T, E], in float32,
bfloat16 or float16; each token's slots are its `top_k` largest logits. `groups` ([T], int64) tells
the group of each token.

- [local] With `scope="local"`, the loss is the mean over the groups of E times the sum of
  $f^g_i P^g_i$: each group is balanced by itself.
- [global] With `scope="global"`, which is the default, $f$ is counted over the tokens of all
  groups, and only $P$ is the group's own.
- [every-group] Every group that occurs counts once, whatever its size.
- [ids] Group ids are any integers from 0 on, very large ones too. They need not be consecutive, nor
  stand in order.
- [padding] A token with group −1 is padding and in no group. What its row of `logits` holds must
  not matter.
- [scalar] The result is a scalar tensor (float32).
- [gradient] It is differentiable with respect to the logits, through the probabilities $P$ only.
- [low-precision] Half precision is computed in float32, for large logits too.
- [no-token] Without a token that is in a group (also for T = 0), the loss is a scalar tensor 0.0.
- [errors] `ValueError` for an unknown scope, for a `top_k` outside 1..E, and for `groups` that are
  not of shape [T].

Sources: Qiu et al., [*Demons in the Detail: On Implementing Load Balancing Loss for Training
Specialized Mixture-of-Expert Models*](https://arxiv.org/abs/2501.11873) (2025), for the global
form; DeepSeek-AI, [*DeepSeek-V3 Technical Report*](https://arxiv.org/abs/2412.19437) (2024),
section 2.1.2, for the loss within a sequence (there with sigmoid scores, which are
divided by their sum).
"""

from __future__ import annotations

import torch

from autograder import Exercise

exercise = Exercise("scoped_balance_loss")


@exercise.solution
def scoped_balance_loss(
    logits: torch.Tensor, top_k: int, groups: torch.Tensor, scope: str = "global"
) -> torch.Tensor:
    """Return the Switch loss of each group, averaged over the groups, a float32 scalar.

    `logits` is [T, E]; `groups` is [T] int64, −1 for padding. `scope` says whose tokens the loads
    are counted over: "local", each group's own, or "global", those of all groups. The gradient
    flows through the probabilities only. Raises `ValueError` for an unknown scope, a `top_k`
    outside 1..E and `groups` of another shape.
    """
    tokens, experts = logits.shape
    if scope not in ("local", "global"):
        raise ValueError(f"scope is {scope!r}; it must be 'local' or 'global'")
    if not 1 <= top_k <= experts:
        raise ValueError(f"top_k is {top_k}; it must be 1..{experts}")
    if groups.shape != (tokens,):
        raise ValueError(f"groups has shape {list(groups.shape)}; it must be [{tokens}]")
    kept = logits[groups >= 0].float()
    if len(kept) == 0:
        return torch.zeros((), device=logits.device)
    found, group, sizes = torch.unique(groups[groups >= 0], return_inverse=True, return_counts=True)
    slots = torch.zeros_like(kept).scatter(1, kept.topk(top_k).indices, 1.0)
    nothing = torch.zeros(len(found), experts, device=logits.device)
    loads = nothing.index_add(0, group, slots)
    if scope == "global":
        loads = loads.sum(dim=0, keepdim=True).expand_as(loads)
    shares = loads / loads.sum(dim=1, keepdim=True)
    added = nothing.index_add(0, group, torch.softmax(kept, dim=1))
    losses: torch.Tensor = experts * (shares * added / sizes.unsqueeze(1)).sum(dim=1)
    return losses.mean()
