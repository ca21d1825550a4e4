"""Further correct solutions of `train_with_router_log`, and known-wrong ones."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from reference.moe_training_and_serving.train_with_router_log import (
    checks,
    exercise,
    train_with_router_log,
)

Batches = Iterable[Mapping[str, Any]]
Log = list[dict[str, Any]]


@exercise.wheat
def with_an_optimizer(
    model: nn.Module, batches: Batches, alpha: float = 0.01, lr: float = 0.1
) -> Log:
    """`torch.optim.SGD`, training mode, labels for the loss, router logits from the model."""
    student: Any = copy.deepcopy(model).to(torch.float32)
    student.train()
    student.requires_grad_(True)
    if not any("Router" in type(module).__name__ for module in student.modules()):
        raise ValueError("no routers")
    optimizer = torch.optim.SGD(student.parameters(), lr=lr)
    k = student.config.num_experts_per_tok
    log = []
    for batch in batches:
        ids, mask = batch["input_ids"], batch["attention_mask"]
        optimizer.zero_grad()
        output = student(input_ids=ids, attention_mask=mask, output_router_logits=True)
        targets = ids[:, 1:].masked_fill(mask[:, 1:] == 0, -100)
        language = functional.cross_entropy(output.logits[:, :-1].transpose(1, 2), targets)
        losses, violations, dead = [], [], []
        for logits in output.router_logits:
            real = logits[mask.bool().reshape(-1)]
            probabilities = real.softmax(-1)
            used = functional.one_hot(probabilities.topk(k).indices, logits.shape[1]).sum((0, 1))
            f = used / (len(real) * k)
            losses.append(logits.shape[1] * f @ probabilities.mean(0))
            violations.append(float(used.max() / used.float().mean()) - 1)
            dead.append(int((used == 0).sum()))
        balance = sum(losses) / len(losses)
        torch.autograd.backward(language + alpha * balance)
        optimizer.step()
        log.append(
            {
                "language_loss": language.detach(),
                "balance_loss": balance.detach(),
                "max_violation": violations,
                "dead_experts": dead,
            }
        )
    return log


@exercise.wheat
def functional_calls(model: Any, batches: Batches, alpha: float = 0.01, lr: float = 0.1) -> Log:
    """A dict of parameters and `functional_call`: the model itself is never touched. Loops over
    targets and tokens; counts in NumPy."""
    weights = {
        name: p.detach().clone().float().requires_grad_() for name, p in model.named_parameters()
    }
    sizes = [p.shape[0] for name, p in weights.items() if name.endswith("mlp.gate.weight")]
    if not sizes:
        raise ValueError("no routers")
    log = []
    for batch in batches:
        ids, mask = batch["input_ids"], batch["attention_mask"]
        told = {"input_ids": ids, "attention_mask": mask, "output_router_logits": True}
        output = torch.func.functional_call(model, weights, kwargs=told)
        terms = [
            -output.logits[b, t].log_softmax(-1)[ids[b, t + 1]]
            for b in range(len(ids))
            for t in range(ids.shape[1] - 1)
            if mask[b, t + 1] == 1
        ]
        language = torch.stack(terms).mean()
        balance = torch.zeros(())
        entry: dict[str, Any] = {"max_violation": [], "dead_experts": []}
        rows = [place for place, real in enumerate(mask.flatten().tolist()) if real]
        for logits in output.router_logits:
            k, experts = model.config.num_experts_per_tok, logits.shape[1]
            best = np.argsort(-logits.detach().numpy()[rows], axis=1)[:, :k]
            counts = np.bincount(best.ravel(), minlength=experts)
            f = torch.from_numpy(counts / counts.sum()).float()
            p = torch.stack([torch.softmax(logits[row], 0) for row in rows]).mean(0)
            balance = balance + experts * torch.dot(f, p) / len(output.router_logits)
            entry["max_violation"].append(counts.max() / counts.mean() - 1)
            entry["dead_experts"].append(np.count_nonzero(counts == 0))
        entry |= {"language_loss": language.item(), "balance_loss": balance.item()}
        log.append(entry)
        torch.autograd.backward(language + alpha * balance)
        with torch.no_grad():
            for weight in weights.values():
                if weight.grad is not None:
                    weight -= lr * weight.grad
                    weight.grad = None
    return log


Layer = Callable[[torch.Tensor, int], torch.Tensor]


def _counts(logits: torch.Tensor, k: int) -> torch.Tensor:
    return torch.bincount(logits.topk(k).indices.flatten(), minlength=logits.shape[1])


def _switch(logits: torch.Tensor, k: int) -> torch.Tensor:
    shares = _counts(logits, k) / (len(logits) * k)
    return len(shares) * (shares * logits.softmax(-1).mean(0)).sum()


@dataclass(frozen=True, kw_only=True)
class _Change:
    """What differs from the usual solution."""

    optimizer: Callable[[Any, float], torch.optim.Optimizer] = lambda p, lr: torch.optim.SGD(p, lr)
    layer: Layer = _switch
    frozen: bool = False  # parameters without `requires_grad` stay as they are
    dtype: torch.dtype | None = torch.float32
    trained: bool = False  # the given model itself is trained
    pad_counts: str = ""  # "targets" or "routers": padding is taken for real there
    balance_in_training: bool = True
    k: int = 0
    clip: float = 0.0
    keep_gradients: bool = False
    measure_after: bool = False
    own_term: bool = False
    everything: bool = False  # all keys of a batch go to the model
    per_text: bool = False


def _lab(model: Any, batches: Batches, alpha: float, lr: float, change: _Change) -> Log:
    """The usual solution with a change."""
    learner = model if change.trained else copy.deepcopy(model)
    if change.dtype:
        learner.to(change.dtype)
    if not change.frozen:
        learner.requires_grad_(True)
    if not any("Router" in type(module).__name__ for module in learner.modules()):
        raise ValueError("no routers")
    parameters = [p for p in learner.parameters() if p.requires_grad]
    optimizer = change.optimizer(parameters, lr)
    log = []
    for batch in batches:
        entry, loss = _measure(learner, batch, alpha, change)
        if not change.keep_gradients:
            optimizer.zero_grad()
        torch.autograd.backward(loss)
        if change.clip:
            nn.utils.clip_grad_norm_(parameters, change.clip)
        optimizer.step()
        log.append(_measure(learner, batch, alpha, change)[0] if change.measure_after else entry)
    return log


def _measure(
    learner: Any, batch: Mapping[str, Any], alpha: float, change: _Change
) -> tuple[dict[str, Any], torch.Tensor]:
    ids, mask = batch["input_ids"], batch["attention_mask"]
    told = dict(batch) if change.everything else {"input_ids": ids, "attention_mask": mask}
    output = learner(**told, output_router_logits=True)
    seen = torch.ones_like(mask) if change.pad_counts == "targets" else mask
    targets = ids[:, 1:].masked_fill(seen[:, 1:] == 0, -100)
    predictions = output.logits[:, :-1].float().transpose(1, 2)
    language = functional.cross_entropy(predictions, targets)
    if change.per_text:
        rows = [
            functional.cross_entropy(p[None], t[None])
            for p, t in zip(predictions, targets)
            if bool((t >= 0).any())
        ]
        language = torch.stack(rows).mean()
    real = torch.ones_like(mask) if change.pad_counts == "routers" else mask
    k = change.k or learner.config.num_experts_per_tok
    routed = [logits.float()[real.flatten() == 1] for logits in output.router_logits]
    balance = torch.stack([change.layer(logits, k) for logits in routed]).mean()
    counts = [_counts(logits, k).float() for logits in routed]
    entry = {
        "language_loss": float(language),
        "balance_loss": float(balance),
        "max_violation": [float(c.max() / c.mean() - 1) for c in counts],
        "dead_experts": [int((c == 0).sum()) for c in counts],
    }
    loss = language + alpha * balance if change.balance_in_training else language + 0 * balance
    if change.own_term:
        loss = loss + learner.config.router_aux_loss_coef * output.aux_loss
    return entry, loss


@exercise.chaff(caught_by=checks.trains_a_copy_in_float32)
def trains_the_model_itself(
    model: nn.Module, batches: Batches, alpha: float = 0.01, lr: float = 0.1
) -> Log:
    """Trains the model that it is given. It belongs to the caller: train a copy
    (`copy.deepcopy`)."""
    return _lab(model, batches, alpha, lr, _Change(trained=True))


@exercise.chaff(caught_by=checks.trains_a_copy_in_float32)
def frozen_parameters_stay(
    model: nn.Module, batches: Batches, alpha: float = 0.01, lr: float = 0.1
) -> Log:
    """Trains the parameters that require gradients in the given model alone. The exercise asks for
    all parameters of the copy: `requires_grad_(True)`."""
    learner = copy.deepcopy(model)
    if not any(p.requires_grad for p in learner.parameters()):
        learner.requires_grad_(True)
    return _lab(learner, batches, alpha, lr, _Change(frozen=True))


@exercise.chaff(caught_by=checks.trains_a_copy_in_float32)
def trains_in_the_models_dtype(
    model: nn.Module, batches: Batches, alpha: float = 0.01, lr: float = 0.1
) -> Log:
    """Trains the copy in the model's own dtype. In bfloat16 most steps are too small to change
    anything: train in float32."""
    return _lab(model, batches, alpha, lr, _Change(dtype=None))


@exercise.chaff(caught_by=checks.one_small_step)
def measures_after_the_step(
    model: nn.Module, batches: Batches, alpha: float = 0.01, lr: float = 0.1
) -> Log:
    """Measures a batch after its step. Log what its own forward gave, before the parameters
    move."""
    return _lab(model, batches, alpha, lr, _Change(measure_after=True))


@exercise.chaff(caught_by=checks.weights_and_rates)
def with_momentum(model: nn.Module, batches: Batches, alpha: float = 0.01, lr: float = 0.1) -> Log:
    """Trains with momentum. The exercise asks for plain gradient descent."""
    return _lab(
        model,
        batches,
        alpha,
        lr,
        _Change(optimizer=lambda p, lr: torch.optim.SGD(p, lr, momentum=0.9)),
    )


@exercise.chaff(caught_by=checks.one_small_step)
def with_adamw(model: nn.Module, batches: Batches, alpha: float = 0.01, lr: float = 0.1) -> Log:
    """Trains with AdamW. The exercise asks for plain gradient descent."""
    return _lab(model, batches, alpha, lr, _Change(optimizer=torch.optim.AdamW))


@exercise.chaff(caught_by=checks.weights_and_rates)
def with_weight_decay(
    model: nn.Module, batches: Batches, alpha: float = 0.01, lr: float = 0.1
) -> Log:
    """Lets the weights decay. The exercise asks for plain gradient descent."""
    return _lab(
        model,
        batches,
        alpha,
        lr,
        _Change(optimizer=lambda p, lr: torch.optim.SGD(p, lr, weight_decay=0.1)),
    )


@exercise.chaff(caught_by=checks.one_small_step)
def clips_gradients(
    model: nn.Module, batches: Batches, alpha: float = 0.01, lr: float = 0.1
) -> Log:
    """Clips the gradients to norm 1, as training scripts often do. Here a step is lr times the
    gradient, whatever its norm."""
    return _lab(model, batches, alpha, lr, _Change(clip=1.0))


@exercise.chaff(caught_by=checks.weights_and_rates)
def gradients_add_up(
    model: nn.Module, batches: Batches, alpha: float = 0.01, lr: float = 0.1
) -> Log:
    """Never clears the gradients (`zero_grad`): each step repeats all steps before it."""
    return _lab(model, batches, alpha, lr, _Change(keep_gradients=True))


@exercise.chaff(caught_by=checks.weights_and_rates)
def never_balances(model: nn.Module, batches: Batches, alpha: float = 0.01, lr: float = 0.1) -> Log:
    """Logs the balance loss and trains without it: `alpha` changes nothing, or the router logits
    were detached."""
    return _lab(model, batches, alpha, lr, _Change(balance_in_training=False))


@exercise.chaff(caught_by=checks.padded_batches_of_each_family)
def alpha_in_the_log(
    model: nn.Module, batches: Batches, alpha: float = 0.01, lr: float = 0.1
) -> Log:
    """Logs the balance loss times alpha. The exercise asks for it without."""
    log = train_with_router_log(model, batches, alpha, lr)
    return [{**entry, "balance_loss": alpha * entry["balance_loss"]} for entry in log]


@exercise.chaff(caught_by=checks.padded_batches_of_each_family)
def predicts_padding(
    model: nn.Module, batches: Batches, alpha: float = 0.01, lr: float = 0.1
) -> Log:
    """Averages over all predictions, also those whose target is padding."""
    return _lab(model, batches, alpha, lr, _Change(pad_counts="targets"))


@exercise.chaff(caught_by=checks.padded_batches_of_each_family)
def balances_padding(
    model: nn.Module, batches: Batches, alpha: float = 0.01, lr: float = 0.1
) -> Log:
    """Lets padding take part in the routers' numbers. Routers see padding, too; leave it out by the
    attention mask."""
    return _lab(model, batches, alpha, lr, _Change(pad_counts="routers"))


@exercise.chaff(caught_by=checks.padded_batches_of_each_family)
def averages_texts(model: nn.Module, batches: Batches, alpha: float = 0.01, lr: float = 0.1) -> Log:
    """Averages over each text and then over the texts. Average over all predictions of the batch,
    or short texts weigh too much."""
    return _lab(model, batches, alpha, lr, _Change(per_text=True))


@exercise.chaff(caught_by=checks.padded_batches_of_each_family)
def takes_two_experts(
    model: nn.Module, batches: Batches, alpha: float = 0.01, lr: float = 0.1
) -> Log:
    """Counts the two best experts of each token. Families differ: take the model's own k."""
    return _lab(model, batches, alpha, lr, _Change(k=2))


@exercise.chaff(caught_by=checks.padded_batches_of_each_family)
def adds_the_layers_up(
    model: nn.Module, batches: Batches, alpha: float = 0.01, lr: float = 0.1
) -> Log:
    """Adds the layers' balance losses up. Take their mean, so that alpha means the same in a deep
    model."""
    layers = sum("Router" in type(module).__name__ for module in model.modules())
    return _lab(
        model, batches, alpha, lr, _Change(layer=lambda logits, k: layers * _switch(logits, k))
    )


@exercise.chaff(caught_by=checks.padded_batches_of_each_family)
def shares_add_up_to_k(
    model: nn.Module, batches: Batches, alpha: float = 0.01, lr: float = 0.1
) -> Log:
    """Divides the counts by the number of tokens, as transformers does. Each token fills k slots:
    f adds up to 1."""
    return _lab(model, batches, alpha, lr, _Change(layer=lambda logits, k: k * _switch(logits, k)))


@exercise.chaff(caught_by=checks.weights_and_rates)
def gradient_through_the_shares(
    model: nn.Module, batches: Batches, alpha: float = 0.01, lr: float = 0.1
) -> Log:
    """Lets a gradient flow through f as well (a straight-through estimate). f is a constant."""

    def layer(logits: torch.Tensor, k: int) -> torch.Tensor:
        soft = logits.softmax(-1).mean(0)
        shares = _counts(logits, k) / (len(logits) * k) + soft - soft.detach()
        return len(shares) * (shares * soft).sum()

    return _lab(model, batches, alpha, lr, _Change(layer=layer))


@exercise.chaff(caught_by=checks.weights_and_rates)
def adds_the_models_own_term(
    model: nn.Module, batches: Batches, alpha: float = 0.01, lr: float = 0.1
) -> Log:
    """Trains on `outputs.loss` with router logits switched on. The model adds an auxiliary loss of
    its own to it."""
    return _lab(model, batches, alpha, lr, _Change(own_term=True))


@exercise.chaff(caught_by=checks.measures_one_batch)
def forgets_the_one(
    model: nn.Module, batches: Batches, alpha: float = 0.01, lr: float = 0.1
) -> Log:
    """Divides the largest count by the mean and forgets to subtract 1: balance is 0."""
    log = train_with_router_log(model, batches, alpha, lr)
    return [{**one, "max_violation": [v + 1 for v in one["max_violation"]]} for one in log]


@exercise.chaff(caught_by=checks.measures_one_batch)
def one_number_for_all_routers(
    model: nn.Module, batches: Batches, alpha: float = 0.01, lr: float = 0.1
) -> Log:
    """Averages the violations over the routers. The exercise asks for a list: one layer that
    collapses hides among others."""
    log = train_with_router_log(model, batches, alpha, lr)
    return [
        {**one, "max_violation": [sum(one["max_violation"]) / len(one["max_violation"])]}
        for one in log
    ]


@exercise.chaff(caught_by=checks.any_batches)
def passes_everything_on(
    model: nn.Module, batches: Batches, alpha: float = 0.01, lr: float = 0.1
) -> Log:
    """Calls the model with all that a batch holds (`**batch`). Other keys are to be ignored."""
    return _lab(model, batches, alpha, lr, _Change(everything=True))


@exercise.chaff(caught_by=checks.any_batches)
def asks_for_the_number_of_batches(
    model: nn.Module, batches: Batches, alpha: float = 0.01, lr: float = 0.1
) -> Log:
    """Takes `len(batches)` or an index. Batches may be any iterable, a generator too."""
    return train_with_router_log(model, [batches[i] for i in range(len(batches))], alpha, lr)  # type: ignore[arg-type,index]


@exercise.chaff(caught_by=checks.any_batches)
def trains_without_routers(
    model: nn.Module, batches: Batches, alpha: float = 0.01, lr: float = 0.1
) -> Log:
    """Returns an empty log for a model without routers. That is a ValueError."""
    if not any("Router" in type(module).__name__ for module in model.modules()):
        return []
    return train_with_router_log(model, batches, alpha, lr)
