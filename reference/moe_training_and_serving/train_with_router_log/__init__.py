r"""# Train, and keep a log of the routers

Time to train. At each step you take one batch, measure, and move *all* parameters a little against
the gradient of

$$\mathcal{L} = \mathcal{L}_{\text{next token}} + \alpha \cdot \frac{1}{L} \sum_{l=1}^{L}
E \sum_i f^{(l)}_i P^{(l)}_i$$

the training loss of the first lab: the next-token loss plus `alpha` times the mean of the layers'
Switch losses. The log says whether the experts share the work: at each step, for each router, how
far the busiest expert is above the mean, and how many get nothing.

Write `train_with_router_log(model, batches, alpha=0.01, lr=0.1)` for a causal language model of the
families `mixtral`, `olmoe`, `qwen2_moe` or `qwen3_moe`, without dropout, router jitter and tied
weights. It returns a list with one dict per batch:

- [language-loss] `language_loss`: a number, the cross-entropy of predicting the token at t + 1 from
  position t, averaged over all predictions of the batch whose *target* token is real.
- [balance-loss] `balance_loss`: a number, the mean over the L routers of $E \sum_i f_i P_i$,
  without `alpha`. Over that router's real tokens, $f_i$ is the share of all slots that go to expert
  $i$ (with the model's own k), and $P_i$ the mean of the softmax of the router's logits.
- [max-violation] `max_violation`: a list of L numbers. For each router, from the model's own
  decisions on real tokens: the largest count of an expert divided by the mean count, minus 1.
- [dead-experts] `dead_experts`: a list of L ints: the experts without any real token.

How it trains:

- [copy] A *copy* of the model is trained. The model that is given is left as it was: parameters,
  gradients, `requires_grad`, dtype, modes, hooks.
- [all-parameters] All parameters of the copy are trained, in float32, also those whose
  `requires_grad` is False in the given model, and whatever its dtype is.
- [sgd] One step of plain gradient descent per batch, in order: $p \leftarrow p - \text{lr} \cdot
  \nabla_p \mathcal{L}$, without momentum, weight decay or clipping.
- [gradient] Of the balance loss, the gradient flows through $P$ only. The model's own auxiliary
  loss (`router_aux_loss_coef`) takes no part.
- [before-the-step] A batch's numbers are measured in that batch's forward, before its step.
- [batches] `batches` is any iterable, a generator too, of dicts with `input_ids` and
  `attention_mask`, both [B, S] with S ≥ 2, padded on the right, at least one real target each.
  Other keys are ignored.
- [real-tokens] The attention mask alone says which tokens are real, whatever their ids are.
- [no-batches] Without batches, the result is `[]`.
- [no-routers] `ValueError` for a model without routers.

Sources: Fedus et al., [*Switch Transformers*](https://arxiv.org/abs/2101.03961) (2022), section
2.2, for the loss; Wang et al., [*Auxiliary-Loss-Free Load Balancing Strategy for
Mixture-of-Experts*](https://arxiv.org/abs/2408.15664) (2024), section 4, for the violation.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from autograder import Exercise
from reference.moe_training_and_serving._routers import routers_of, watching

exercise = Exercise("train_with_router_log")


@exercise.solution
def train_with_router_log(
    model: nn.Module, batches: Iterable[Mapping[str, Any]], alpha: float = 0.01, lr: float = 0.1
) -> list[dict[str, Any]]:
    """Train a copy of a language model, one step per batch, and log what its routers do.

    Args:
        model: a causal language model of a softmax family; it is left as it was.
        batches: dicts with `input_ids` and `attention_mask`, both [B, S], padded on the right.
        alpha: weight of the balance loss.
        lr: learning rate of plain gradient descent.

    Returns:
        Per batch, measured before its step: the numbers `language_loss` and `balance_loss`, and for
        each router `max_violation` and `dead_experts`, as lists. Raises `ValueError` for a model
        without routers.
    """
    learner = copy.deepcopy(model).float().requires_grad_(True)
    if not routers_of(learner):
        raise ValueError("the model has no routers")
    log = []
    for batch in batches:
        language, balances, counts = measured(learner, batch)
        balance = torch.stack(balances).mean()
        log.append(
            {
                "language_loss": language.item(),
                "balance_loss": balance.item(),
                "max_violation": [float(len(c) * c.max() / c.sum() - 1) for c in counts],
                "dead_experts": [int((c == 0).sum()) for c in counts],
            }
        )
        descend(learner, language + alpha * balance, lr)
    return log


def measured(
    learner: nn.Module, batch: Mapping[str, Any]
) -> tuple[torch.Tensor, list[torch.Tensor], list[torch.Tensor]]:
    """The next-token loss of a batch, and each router's balance loss and counts [E]."""
    ids, mask = batch["input_ids"], batch["attention_mask"]
    routers = routers_of(learner)
    with watching(routers) as seen:
        logits = learner(input_ids=ids, attention_mask=mask).logits
    real = mask == 1
    language = functional.cross_entropy(logits[:, :-1][real[:, 1:]], ids[:, 1:][real[:, 1:]])
    balances, counts = [], []
    for router in routers:
        kept, chosen = (tensor[real.flatten()] for tensor in seen[router][1:])
        count = torch.bincount(chosen.flatten(), minlength=kept.shape[1])
        share = count / count.sum()
        balances.append(len(share) * (share * kept.softmax(dim=-1).mean(dim=0)).sum())
        counts.append(count)
    return language, balances, counts


def descend(learner: nn.Module, loss: torch.Tensor, lr: float) -> None:
    """Move every parameter that the loss depends on against its gradient."""
    parameters = list(learner.parameters())
    gradients = torch.autograd.grad(loss, parameters, allow_unused=True)
    with torch.no_grad():
        for parameter, gradient in zip(parameters, gradients, strict=True):
            if gradient is not None:
                parameter.sub_(lr * gradient)
