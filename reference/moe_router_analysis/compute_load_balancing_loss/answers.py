"""Further correct solutions of `compute_load_balancing_loss`, and known-wrong ones."""

from __future__ import annotations

import math

import torch

from reference.moe_router_analysis.compute_load_balancing_loss import (
    compute_load_balancing_loss,
    exercise,
)
from reference.moe_router_analysis.compute_load_balancing_loss.checks import (
    gradient,
    low_precision_and_large_logits,
    one_when_uniform_and_e_when_collapsed,
    random_logits,
    wrong_arguments,
)


@exercise.wheat
def written_out(router_logits: torch.Tensor, top_k: int = 2) -> torch.Tensor:
    """Softmax by hand in double precision, and the sum of squares as a dot product."""
    if router_logits.shape[0] < 1:
        raise ValueError("no tokens")
    if top_k not in range(1, router_logits.shape[1] + 1):
        raise ValueError("top_k")
    z = router_logits.double()
    e = torch.exp(z - z.max(dim=1, keepdim=True).values)
    p = (e / e.sum(dim=1, keepdim=True)).sum(dim=0) / len(z)
    return (len(p) * (p @ p)).float()


@exercise.wheat
def through_log_softmax(router_logits: torch.Tensor, top_k: int = 2) -> torch.Tensor:
    """The mean in the log domain, and an einsum."""
    num_tokens, num_experts = router_logits.size()
    if top_k > num_experts or top_k <= 0 or num_tokens == 0:
        raise ValueError("wrong arguments")
    log_p = torch.nn.functional.log_softmax(router_logits, dim=-1, dtype=torch.float32)
    mean = torch.exp(torch.logsumexp(log_p, dim=0) - math.log(num_tokens))
    return torch.einsum("i,i->", mean, mean) * num_experts


@exercise.chaff(caught_by=one_when_uniform_and_e_when_collapsed)
def leaves_out_the_number_of_experts(router_logits: torch.Tensor, top_k: int = 2) -> torch.Tensor:
    """Sums the squares without the factor E: the uniform router then gets 1/E instead of 1."""
    return compute_load_balancing_loss(router_logits, top_k) / router_logits.shape[1]


@exercise.chaff(caught_by=random_logits)
def squares_before_the_mean(router_logits: torch.Tensor, top_k: int = 2) -> torch.Tensor:
    """Squares each token's probabilities before the mean over tokens.

    That punishes decided tokens, not unbalanced use: take the mean first, then square.
    """
    tokens, experts = router_logits.shape
    if not 1 <= top_k <= experts or tokens == 0:
        raise ValueError("wrong arguments")
    probabilities = torch.softmax(router_logits.float(), dim=-1)
    return experts * probabilities.square().sum(dim=-1).mean()


@exercise.chaff(caught_by=one_when_uniform_and_e_when_collapsed)
def softmax_over_tokens(router_logits: torch.Tensor, top_k: int = 2) -> torch.Tensor:
    """Takes the softmax over the tokens: the probabilities of one token no longer add up to 1."""
    tokens, experts = router_logits.shape
    if tokens == 0 or not 1 <= top_k <= experts:
        raise ValueError
    return experts * torch.softmax(router_logits.float(), dim=0).mean(dim=0).square().sum()


@exercise.chaff(caught_by=gradient)
def cuts_the_gradient(router_logits: torch.Tensor, top_k: int = 2) -> torch.Tensor:
    """Returns the right value without a gradient, so training would never feel this loss.

    Look for `.item()`, `.detach()`, `torch.tensor(...)` or `torch.no_grad()` on the way.
    """
    return compute_load_balancing_loss(router_logits.detach(), top_k)


@exercise.chaff(caught_by=gradient)
def gradient_through_one_factor(router_logits: torch.Tensor, top_k: int = 2) -> torch.Tensor:
    """Detaches one of the two factors of each square: half of the gradient is lost."""
    value = compute_load_balancing_loss(router_logits, top_k)
    return value.detach() + (value - value.detach()) / 2


@exercise.chaff(caught_by=low_precision_and_large_logits)
def stays_in_half_precision(router_logits: torch.Tensor, top_k: int = 2) -> torch.Tensor:
    """Takes the softmax in the logits' own dtype: in bfloat16 only two or three digits are left."""
    tokens, experts = router_logits.shape
    if not 1 <= top_k <= experts or tokens == 0:
        raise ValueError("wrong arguments")
    probabilities = torch.softmax(router_logits, dim=-1).float()
    return experts * probabilities.mean(dim=0).square().sum()


@exercise.chaff(caught_by=low_precision_and_large_logits)
def softmax_without_a_shift(router_logits: torch.Tensor, top_k: int = 2) -> torch.Tensor:
    """Divides exp(z) by its sum: exp overflows above 88 in float32, and the loss becomes NaN.

    `torch.softmax` subtracts each token's largest logit first.
    """
    tokens, experts = router_logits.shape
    if not 1 <= top_k <= experts or tokens == 0:
        raise ValueError("wrong arguments")
    e = router_logits.float().exp()
    return experts * (e / e.sum(dim=-1, keepdim=True)).mean(dim=0).square().sum()


@exercise.chaff(caught_by=wrong_arguments)
def accepts_any_top_k(router_logits: torch.Tensor, top_k: int = 2) -> torch.Tensor:
    """Never looks at top_k: since it does not change the value, a wrong one goes unnoticed."""
    return compute_load_balancing_loss(router_logits, 1)


@exercise.chaff(caught_by=wrong_arguments)
def accepts_no_tokens(router_logits: torch.Tensor, top_k: int = 2) -> torch.Tensor:
    """Takes the mean over zero tokens, which is NaN, where a ValueError was asked for."""
    if len(router_logits) == 0:
        return router_logits.float().sum() / 0
    return compute_load_balancing_loss(router_logits, top_k)


@exercise.chaff(caught_by=random_logits)
def only_the_selected_experts(router_logits: torch.Tensor, top_k: int = 2) -> torch.Tensor:
    """Sums over the top_k experts with the largest mean probability instead of over all.

    `top_k` must not change the value.
    """
    if not 1 <= top_k <= router_logits.shape[1] or len(router_logits) == 0:
        raise ValueError("wrong arguments")
    mean = torch.softmax(router_logits.float(), dim=-1).mean(dim=0)
    return len(mean) * mean.square().topk(top_k).values.sum()


@exercise.chaff(caught_by=wrong_arguments)
def changes_the_logits(router_logits: torch.Tensor, top_k: int = 2) -> torch.Tensor:
    """Subtracts the maximum in place (`sub_`, `-=`): the caller's logits are changed as well."""
    tokens, experts = router_logits.shape
    if not 1 <= top_k <= experts or tokens == 0:
        raise ValueError("wrong arguments")
    router_logits -= router_logits.max(dim=-1, keepdim=True).values
    return compute_load_balancing_loss(router_logits, top_k)
