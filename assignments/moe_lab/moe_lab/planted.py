"""Planted routing: models whose router logits and expert counts follow from the token ids alone.

Every token belongs to a class. Its embedding is the class's direction, a vector of +1 and -1 from
a Hadamard matrix, times a large power of two; attention and experts write nothing into the
residual stream and the norms only rescale, so each router sees exactly that direction. Router row
e is the sum over classes of score x direction / d, hence a token's logits are its class's row of
an integer table. All numbers involved are exact in float32 and bfloat16.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import nn
from transformers import PreTrainedModel

CLASSES = 16
STRENGTH = 64.0  # of embeddings: the epsilon of RMSNorm vanishes in float32 beside its square
WIDEST = 64  # steps between the largest and the smallest logit: a softmax in float32 tells them
SATURATED = 6  # a sigmoid of this tells no more
MARGIN = 0.02  # between biased sigmoid scores at every decision; float32 errors are below 1e-6
CHANGED_BY_RULE = 0.4  # of the classes: groups and bias must show in short texts too
_ATTEMPTS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class ChoiceRule:
    """How a router chooses experts from its logits.

    With `n_group` > 1 only the `topk_group` groups with the largest sum of their `group_best` best
    values stay eligible (deepseek_v2: 1, deepseek_v3: 2). `biased_sigmoid`: values are sigmoid of
    the logits plus a correction bias, as in `DeepseekV3TopkRouter`; otherwise the order of the
    logits decides, whatever the family makes of them for its weights.
    """

    top_k: int
    n_group: int = 1
    topk_group: int = 1
    group_best: int = 1
    biased_sigmoid: bool = False

    def values(self, scores: np.ndarray, bias: np.ndarray) -> np.ndarray:
        """The values [..., E] that decide, from logits [..., E] and correction bias [E]."""
        return 1 / (1 + np.exp(-scores)) + bias if self.biased_sigmoid else scores.astype(float)

    def choose(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Choose from values [C, E]: chosen [C, E] bool, and the smallest gap [C] that decided."""
        margin = np.full(len(values), np.inf)
        if self.n_group > 1:
            groups = np.sort(values.reshape(len(values), self.n_group, -1), axis=-1)
            best = groups[..., -self.group_best :].sum(axis=-1)
            kept, margin = _largest(best, self.topk_group, margin)
            eligible = np.repeat(kept, values.shape[1] // self.n_group, axis=1)
            values = np.where(eligible, values, -np.inf)
        return _largest(values, self.top_k, margin)


def _largest(values: np.ndarray, count: int, margin: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mark the `count` largest of each row; the gap to the next one lowers the margin."""
    ranked = np.sort(values, axis=1)[:, ::-1]
    if count < values.shape[1]:
        margin = np.minimum(margin, ranked[:, count - 1] - ranked[:, count])
    return values >= ranked[:, count - 1 : count], margin


@dataclass(frozen=True, slots=True)
class RoutingPlan:
    """The ground truth of a planted model: L routers, C classes of tokens, E experts.

    `classes` [V] is the class of each token id, `scores` [L, C, E] the logits of a class (integers,
    or with more than 64 experts halves, quarters, …), `bias` [L, E] the correction bias (zero where
    the family has none).
    """

    rule: ChoiceRule
    classes: np.ndarray
    scores: np.ndarray
    bias: np.ndarray

    @property
    def num_routers(self) -> int:
        return int(self.scores.shape[0])

    @property
    def num_experts(self) -> int:
        return int(self.scores.shape[2])

    @property
    def top_k(self) -> int:
        return self.rule.top_k

    def logits(self, router_index: int, input_ids: torch.Tensor) -> torch.Tensor:
        """Router logits [T, E] in float32 of all T tokens of `input_ids`, padding included."""
        classes = self.classes[input_ids.reshape(-1).cpu().numpy()]
        return torch.from_numpy(self.scores[router_index][classes]).float()

    def counts(
        self,
        router_index: int,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor | None = None,
        top_k: int | None = None,
    ) -> torch.Tensor:
        """Real tokens that each expert gets, [E] int64.

        By the family's own rule, or with an explicit `top_k` by the largest logits.
        """
        ids = input_ids.reshape(-1).cpu().numpy()
        if attention_mask is not None:
            ids = ids[attention_mask.reshape(-1).cpu().numpy() == 1]
        tokens = np.bincount(self.classes[ids], minlength=self.scores.shape[1])
        return torch.from_numpy(tokens @ self.chosen(router_index, top_k).astype(np.int64))

    def chosen(self, router_index: int, top_k: int | None = None) -> np.ndarray:
        """Which experts a token of each class gets, [C, E] bool; arguments as in `counts`."""
        scores, bias = self.scores[router_index], self.bias[router_index]
        rule = self.rule if top_k is None else ChoiceRule(top_k=top_k)
        return rule.choose(rule.values(scores, bias))[0]


def draw_plan(
    rng: np.random.Generator,
    rule: ChoiceRule,
    *,
    routers: int,
    experts: int,
    vocabulary: int,
    classes: int = CLASSES,
) -> RoutingPlan:
    """Draw a plan; some experts of each router are popular, so that loads are clearly uneven.

    Scores of a row are distinct integers around zero. Where a rule has groups or a bias, these
    change the choice of many classes.
    """
    layers = [_draw_router(rng, rule, experts, classes) for _ in range(routers)]
    return RoutingPlan(
        rule,
        rng.integers(0, classes, vocabulary),
        np.stack([scores for scores, _ in layers]),
        np.stack([bias for _, bias in layers]),
    )


def _draw_router(
    rng: np.random.Generator, rule: ChoiceRule, experts: int, classes: int
) -> tuple[np.ndarray, np.ndarray]:
    for _ in range(_ATTEMPTS):
        popularity = rng.normal(0, 1, experts)
        taste = popularity + rng.normal(0, 1, (8 * classes, experts))
        scores = _spread(taste.argsort(axis=1).argsort(axis=1), rule)
        bias = np.zeros(experts)
        if rule.biased_sigmoid:
            bias = rng.integers(-14, 15, experts) / 32
        chosen, margin = rule.choose(rule.values(scores, bias))
        clear = np.flatnonzero(margin >= MARGIN)[:classes]
        if len(clear) < classes or not _uneven(chosen[clear]):
            continue
        if _rule_matters(rule, scores[clear], bias, chosen[clear]):
            return scores[clear], bias
    raise RuntimeError(f"no table of {experts} experts found for {rule}")


def _spread(ranks: np.ndarray, rule: ChoiceRule) -> np.ndarray:
    """Logits from ranks 0..E-1, in a range in which bfloat16 and the router's function tell them.

    With many experts a softmax underflows and a sigmoid saturates: steps get smaller, or all that
    is far from being chosen gets the same logit.
    """
    experts = ranks.shape[1]
    scores: np.ndarray = ranks - experts // 2
    if rule.biased_sigmoid and experts > 2 * SATURATED:
        scores = np.clip(ranks - (experts - rule.top_k), -SATURATED, SATURATED)
    elif experts > WIDEST:
        scores = scores / 2 ** ((experts - 1).bit_length() - (WIDEST - 1).bit_length())
    return scores


def _uneven(chosen: np.ndarray) -> bool:
    """Whether, over equally frequent classes, some experts are overloaded and some underused."""
    loads = chosen.mean(axis=0) / chosen.mean()
    return bool(loads.max() >= 1.5 and loads.min() <= 0.5)


def _rule_matters(
    rule: ChoiceRule, scores: np.ndarray, bias: np.ndarray, chosen: np.ndarray
) -> bool:
    """Whether leaving out groups or bias changes the choice of many classes, and the loads."""
    for simpler, other_bias in _simpler_rules(rule, bias):
        other, _ = simpler.choose(simpler.values(scores, other_bias))
        differs = (chosen != other).any(axis=1).mean()
        if differs < CHANGED_BY_RULE or np.array_equal(chosen.sum(axis=0), other.sum(axis=0)):
            return False
    return True


def _simpler_rules(rule: ChoiceRule, bias: np.ndarray) -> Iterator[tuple[ChoiceRule, np.ndarray]]:
    """The rule without its groups, without its bias and without both, where it has them."""
    if rule.n_group > 1:
        yield replace(rule, n_group=1, topk_group=1), bias
    if rule.biased_sigmoid:
        yield rule, np.zeros_like(bias)
        yield ChoiceRule(top_k=rule.top_k), bias


def routers_of(model: nn.Module) -> list[Any]:
    """The router modules of a model of one of the eight families, in order."""
    return [module for module in model.modules() if type(module).__name__.endswith("Router")]


@torch.no_grad()
def randomise(model: PreTrainedModel, generator: torch.Generator) -> None:
    """Fill all weights from the generator, at scales at which every part of the model is alive."""
    routers = {id(router.weight) for router in routers_of(model)}
    for name, parameter in model.named_parameters():
        noise = torch.randn(parameter.shape, generator=generator)
        if parameter.dim() == 1:
            noise = 1 + noise / 10 if "norm" in name else noise / 10
        elif "embed_tokens" not in name:
            noise *= (2 if id(parameter) in routers else 1) * model.config.hidden_size**-0.5
        parameter.copy_(noise)
    for name, buffer in model.named_buffers():
        if "e_score_correction_bias" in name:
            buffer.copy_(torch.randn(buffer.shape, generator=generator) / 5)


@torch.no_grad()
def plant(model: PreTrainedModel, plan: RoutingPlan, rng: np.random.Generator) -> None:
    """Overwrite what decides the routing of `model`, so that it follows the plan."""
    hidden = model.config.hidden_size
    directions = _directions(rng, plan.scores.shape[1], hidden)
    for name, parameter in model.named_parameters():
        if "o_proj" in name or "down_proj" in name:
            parameter.zero_()
        elif parameter.dim() == 1 and "norm" in name:
            parameter.fill_(1)
    strength = STRENGTH / getattr(model.config, "embedding_multiplier", 1.0)
    embeddings = model.get_input_embeddings().weight
    classes = torch.from_numpy(plan.classes).to(embeddings.device)
    embeddings.copy_((strength * directions).to(embeddings.device)[classes])
    for index, router in enumerate(routers_of(model)):
        scores = torch.from_numpy(plan.scores[index]).float()
        if isinstance(getattr(router, "bias", None), nn.Parameter):
            offset = torch.from_numpy(rng.integers(-4, 5, plan.num_experts)).float()
            router.bias.copy_(offset)
            scores = scores - offset
        router.weight.copy_(scores.T @ directions / hidden)
        if plan.rule.biased_sigmoid:
            router.e_score_correction_bias.copy_(torch.from_numpy(plan.bias[index]))


def _directions(rng: np.random.Generator, count: int, hidden: int) -> torch.Tensor:
    """`count` orthogonal directions [count, hidden] of +1 and -1 (Sylvester's construction)."""
    matrix = np.ones((1, 1))
    while len(matrix) < count:
        matrix = np.block([[matrix, matrix], [matrix, -matrix]])
    if hidden % len(matrix):
        raise ValueError(f"{count} directions need a hidden size divisible by {len(matrix)}")
    rows = np.tile(matrix, hidden // len(matrix))[rng.permutation(len(matrix))[:count]]
    signs = rng.choice([-1.0, 1.0], hidden)
    return torch.from_numpy((rows * signs)[:, rng.permutation(hidden)]).float()
