r"""# Load-balancing loss

A router that is left alone tends to collapse: a few experts are chosen more and more often, learn
more, and are chosen even more often, while the others learn nothing. An *auxiliary loss* works
against that. It is smallest when the router uses all experts equally, and it is added to the
training loss with a small weight.

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
`compute_switch_loss`. The two are compared in Fedus et al., *Switch Transformers* (2021),
section 2.2.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import torch

from autograder import Exercise, given
from autograder.authoring.given import Given
from moe_lab.inputs import ranked_logits
from moelab_kit import Answer

exercise = Exercise("compute_load_balancing_loss")


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


@exercise.law(points=1, proves="value")
def one_when_uniform_and_e_when_collapsed(answer: Answer, rng: np.random.Generator) -> None:
    """The loss is 1 when all experts are used equally, and E when one takes everything."""
    rows = torch.from_numpy(rng.normal(size=(16, 1))).float()
    uniform = answer(rows.repeat(1, 8))
    assert isinstance(uniform, torch.Tensor), (
        f"asked for a scalar tensor, got {type(uniform).__name__}"
    )
    assert uniform.dim() == 0, f"asked for a scalar, got a tensor of shape {list(uniform.shape)}"
    assert abs(float(uniform) - 1) < 1e-4, (
        f"equal logits for 8 experts: the loss should be 1, not {float(uniform):.4f}. Take the "
        "softmax over experts, the mean over tokens, and multiply by the number of experts"
    )
    logits = rows.repeat(1, 8)
    logits[:, int(rng.integers(8))] += 40.0
    collapsed = float(answer(logits))
    assert abs(collapsed - 8) < 1e-3, (
        f"all probability on one of 8 experts: the loss should be 8, not {collapsed:.4f}"
    )


@exercise.agrees(points=1.5, proves=("value", "top-k"))
def random_logits(rng: np.random.Generator) -> Iterator[Given]:
    """Agrees with the reference on random logits, whatever top_k is."""
    yield given(ranked_logits(rng, 1, 2))
    yield given(ranked_logits(rng, 3, 4), 4)
    yield given(ranked_logits(rng, 24, 8), top_k=1)
    yield given(ranked_logits(rng, 40, 5), top_k=3)
    yield given(ranked_logits(rng, 9, 64))


@exercise.agrees(points=1.5, proves="gradient", gradient_of=0)
def gradient(rng: np.random.Generator) -> Iterator[Given]:
    """The gradient with respect to the logits is the gradient of the formula."""
    yield given(ranked_logits(rng, 4, 6))
    yield given(ranked_logits(rng, 12, 3))


@exercise.agrees(points=1, proves=("low-precision", "precision"))
def low_precision_and_large_logits(rng: np.random.Generator) -> Iterator[Given]:
    """Half-precision logits are computed in float32, and large logits do not overflow."""
    for dtype in (torch.bfloat16, torch.float16):
        for tokens in (2, 3, 5):
            yield given(ranked_logits(rng, tokens, 6, dtype))
        yield given(ranked_logits(rng, 600, 6, dtype))
    offsets = torch.tensor([[110.0], [-110.0], [0.0], [90.0]])
    yield given(ranked_logits(rng, 4, 6) + offsets)
    yield given(200 * ranked_logits(rng, 5, 7))


@exercise.law(points=1, proves=("wrong-arguments", "left-alone", "errors"), hidden=True)
def wrong_arguments(answer: Answer) -> None:
    """ValueError for a top_k outside 1..E and for no tokens; the logits stay as they were."""
    logits = torch.tensor([[math.log(3.0), 0.0]])
    value = answer(logits, top_k=2)
    assert isinstance(value, torch.Tensor), "the loss is not a tensor"
    assert abs(float(value) - 1.25) < 1e-4, "one token is enough: P is then its own softmax"
    assert not answer.left_behind, f"the call left something behind: {answer.left_behind}"
    for top_k in (0, -1, 3):
        assert answer.raises(ValueError, logits, top_k=top_k), (
            "a top_k outside 1..E was accepted; it should be a ValueError"
        )
    assert answer.raises(ValueError, torch.zeros(0, 2)), (
        "logits without tokens were accepted; they should be a ValueError"
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


@exercise.chaff(
    caught_by=(
        one_when_uniform_and_e_when_collapsed,
        random_logits,
        gradient,
        low_precision_and_large_logits,
        wrong_arguments,
    )
)
def leaves_out_the_number_of_experts(router_logits: torch.Tensor, top_k: int = 2) -> torch.Tensor:
    """Sums the squares without the factor E: the uniform router then gets 1/E instead of 1."""
    return compute_load_balancing_loss(router_logits, top_k) / router_logits.shape[1]


@exercise.chaff(caught_by=(random_logits, gradient, low_precision_and_large_logits))
def squares_before_the_mean(router_logits: torch.Tensor, top_k: int = 2) -> torch.Tensor:
    """Squares each token's probabilities before the mean over tokens.

    That punishes decided tokens, not unbalanced use: take the mean first, then square.
    """
    tokens, experts = router_logits.shape
    if not 1 <= top_k <= experts or tokens == 0:
        raise ValueError("wrong arguments")
    probabilities = torch.softmax(router_logits.float(), dim=-1)
    return experts * probabilities.square().sum(dim=-1).mean()


@exercise.chaff(
    caught_by=(
        one_when_uniform_and_e_when_collapsed,
        random_logits,
        gradient,
        low_precision_and_large_logits,
        wrong_arguments,
    )
)
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


@exercise.chaff(
    caught_by=(
        one_when_uniform_and_e_when_collapsed,
        random_logits,
        gradient,
        low_precision_and_large_logits,
    )
)
def only_the_selected_experts(router_logits: torch.Tensor, top_k: int = 2) -> torch.Tensor:
    """Sums over the top_k experts with the largest mean probability instead of over all.

    `top_k` must not change the value.
    """
    if not 1 <= top_k <= router_logits.shape[1] or len(router_logits) == 0:
        raise ValueError("wrong arguments")
    mean = torch.softmax(router_logits.float(), dim=-1).mean(dim=0)
    return len(mean) * mean.square().topk(top_k).values.sum()


@exercise.chaff(caught_by=(gradient, wrong_arguments))
def changes_the_logits(router_logits: torch.Tensor, top_k: int = 2) -> torch.Tensor:
    """Subtracts the maximum in place (`sub_`, `-=`): the caller's logits are changed as well."""
    tokens, experts = router_logits.shape
    if not 1 <= top_k <= experts or tokens == 0:
        raise ValueError("wrong arguments")
    router_logits -= router_logits.max(dim=-1, keepdim=True).values
    return compute_load_balancing_loss(router_logits, top_k)


# Changes that `moelab verify --mutants` makes, and that no check can see.
exercise.equivalent(
    "if tokens == 0:",
    "if tokens <= 0:",
    because="A count is never negative.",
)
exercise.equivalent(
    "mean_probabilities = torch.softmax(router_logits.float(), dim=-1).mean(dim=0)",
    (
        "mean_probabilities = torch.softmax(router_logits.float(), "
        "dim=-1).mean(dim=0, keepdim = True)"
    ),
    because="A dimension of size 1 more is gone after the mean or the sum.",
)
exercise.equivalent(
    "mean_probabilities = torch.softmax(router_logits.float(), dim=-1).mean(dim=0)",
    "mean_probabilities = torch.softmax(router_logits.float(), dim=+1).mean(dim=0)",
    because="The values have two dimensions: the last one is dimension 1, and topk's own.",
)
exercise.equivalent(
    (
        "def compute_load_balancing_loss(router_logits: torch.Tensor, top_k: int = "
        "2) -> torch.Tensor:"
    ),
    (
        "def compute_load_balancing_loss(router_logits: torch.Tensor, top_k: int = "
        "1) -> torch.Tensor:"
    ),
    because="The value does not depend on top_k.",
)
