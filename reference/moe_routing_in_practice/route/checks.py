"""The checks of `route`."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from autograder import given
from autograder.authoring.given import Given
from moe_lab.inputs import ranked_logits
from moelab_kit import Answer
from moelab_kit.compare import difference
from reference.moe_routing_in_practice._earlier import lacks
from reference.moe_routing_in_practice.route import exercise, route

GAP = 1e-3
CANDIDATES = 800


@exercise.law(points=1.5, proves=("scores", "weights", "pair"))
def softmax_by_default(answer: Answer, rng: np.random.Generator) -> None:
    """Softmax scores of the best experts, normalised and scaled on request."""
    logits = torch.log(torch.tensor([[0.1, 0.5, 0.1, 0.3], [0.6, 0.1, 0.2, 0.1]]))
    logits += torch.from_numpy(rng.normal(size=(2, 1))).float()  # changes no softmax
    for options, first, second in (
        ({}, [0.5, 0.3], [0.6, 0.2]),
        ({"norm_topk": True}, [0.625, 0.375], [0.75, 0.25]),
        ({"norm_topk": True, "scale": 2.0}, [1.25, 0.75], [1.5, 0.5]),
    ):
        routed = answer(logits, 2, **options)
        assert isinstance(routed, tuple | list), "asked for a pair (indices, weights)"
        assert len(routed) == 2, f"asked for a pair (indices, weights), got {len(routed)} values"
        wrong = difference(routed[0], torch.tensor([[1, 3], [0, 2]]), where="indices")
        assert not wrong, f"the best experts are 1, 3 and 0, 2; {wrong}: {routed[0]}"
        wrong = difference(routed[1], torch.tensor([first, second]), where="weights")
        assert not wrong, (
            f"with {options or 'default options'} the weights are {first} and {second}; {wrong}: "
            f"{routed[1]}"
        )


@exercise.law(points=1, proves=("bias", "weights"))
def bias_selects_and_does_not_weigh(answer: Answer, rng: np.random.Generator) -> None:
    """A bias changes which experts are selected, not their weights."""
    logits = torch.logit(torch.tensor([[0.9, 0.5, 0.4, 0.2]]))
    rise = float(rng.uniform(0.0, 0.25))
    bias = torch.tensor([-0.3, 0.0, 0.3, 0.0]) + rise
    indices, weights = answer(logits, 2, scoring="sigmoid", bias=bias)
    wrong = difference(indices, torch.tensor([[2, 0]]), where="indices")
    assert not wrong, (
        f"scores 0.9, 0.5, 0.4, 0.2 with biases -0.3, 0, 0.3, 0 (and {rise:.4g} for all) select "
        f"experts 2 and 0; {wrong}: {indices}"
    )
    wrong = difference(weights, torch.tensor([[0.4, 0.9]]), where="weights")
    assert not wrong, (
        f"the weights are the scores without the bias, 0.4 and 0.9; {wrong}: {weights}"
    )


@exercise.agrees(points=2, proves=("scores", "selection", "weights", "pair"))
def scores_and_weights(rng: np.random.Generator) -> Iterator[Given]:
    """Agrees with the reference on both scorings, with and without normalisation and scale."""
    for scoring in ("softmax", "sigmoid"):
        yield given(ranked_logits(rng, 6, 8), 3, scoring)
        yield given(ranked_logits(rng, 5, 6), 6, scoring, True)
        yield given(ranked_logits(rng, 4, 16), 1, scoring=scoring, scale=2.5)
        yield given(ranked_logits(rng, 2, 5), 1, scoring, norm_topk=True)
        yield given(ranked_logits(rng, 4, 5), top_k=4, scoring=scoring, norm_topk=True, scale=0.5)
    tiny = ranked_logits(rng, 3, 6) - 20
    yield given(tiny, 2, scoring="sigmoid", norm_topk=True)


@exercise.agrees(points=2, proves=("bias", "weights"))
def biased_selection(rng: np.random.Generator) -> Iterator[Given]:
    """A bias decides on the selection and its order; weights stay unbiased."""
    for scoring, norm_topk in (("softmax", True), ("sigmoid", False), ("sigmoid", True)):
        logits, bias = _clear(rng, 6, 8, scoring=scoring)
        yield given(logits, 3, scoring, norm_topk, bias, scale=1.5)
    steps = torch.from_numpy(2.0 * rng.permutation(8))  # further apart than any two scores
    for dtype in (torch.bfloat16, torch.float16):
        yield given(ranked_logits(rng, 4, 8), 8, "sigmoid", bias=steps.to(dtype))
    bias = torch.tensor([0.1, 0.5, 0.3, 0.2])
    yield given(torch.full((2, 4), -120.0), 2, "sigmoid", norm_topk=True, bias=bias)


@exercise.agrees(points=2.5, proves="groups")
def best_groups(rng: np.random.Generator) -> Iterator[Given]:
    """Only experts of the groups with the best two experts together are selected."""
    for experts, n_group, topk_group, top_k in ((8, 4, 2, 3), (12, 3, 1, 4), (16, 4, 2, 4)):
        logits, bias = _clear(rng, 200, experts, scoring="sigmoid", n_group=n_group)
        bias = bias + 0.5
        logits = _contested(logits, torch.sigmoid(logits) + bias, n_group, topk_group)
        groups = {"n_group": n_group, "topk_group": topk_group}
        yield given(logits, top_k, "sigmoid", bias=bias, **groups)
        yield given(logits, top_k, "sigmoid", True, bias, n_group, topk_group, 2.5)
    logits, _ = _clear(rng, 6, 8, scoring="softmax", n_group=2, spread=0.0)
    yield given(logits, 2, n_group=2, topk_group=1)
    yield given(logits, 4, n_group=2, topk_group=1)
    yield given(logits, 8, n_group=2, topk_group=2)


@exercise.law(
    points=0.5, proves=("groups", "ties"), hidden=True, after=(scores_and_weights, best_groups)
)
def tied_groups(answer: Answer, rng: np.random.Generator) -> None:
    """Of groups with equal scores no more than `topk_group` are used."""
    for topk_group, scoring in ((1, "sigmoid"), (2, "sigmoid"), (2, "softmax")):
        twins = torch.from_numpy(rng.permuted([2.0, 1.0, -1.0, -2.0])).float()
        low = twins - 4.0
        logits = torch.cat([twins, low, twins, twins]).repeat(3, 1)
        top_k = 4 * topk_group
        indices, weights = answer(logits, top_k, scoring, n_group=4, topk_group=topk_group)
        scores = logits.softmax(-1) if scoring == "softmax" else logits.sigmoid()
        best = twins.sort(descending=True).values.repeat_interleave(topk_group)
        wrong = difference(indices.shape, torch.Size([3, top_k]), where="the shape of indices")
        assert not wrong, f"each token takes top_k experts; {wrong}"
        for token in range(3):
            chosen = indices[token].tolist()
            groups = {expert // 4 for expert in chosen}
            assert len(set(chosen)) == top_k, "a token's experts should be distinct"
            assert len(groups) == topk_group, (
                "where several groups have the same score, experts of more than `topk_group` of "
                "them were selected: only the experts of `topk_group` groups are eligible"
            )
            assert 1 not in groups, "an expert of a group with a lower score was selected"
            order = logits[token, indices[token]]
            wrong = difference(order, best, where="the order of selection")
            assert not wrong, f"the best of the eligible experts come first; {wrong}"
        wrong = difference(weights, scores.gather(1, indices), where="the weights")
        assert not wrong, f"the weights are the scores of the selected experts; {wrong}"


@exercise.agrees(points=1, proves="selection")
def negative_biased_scores(rng: np.random.Generator) -> Iterator[Given]:
    """An expert outside the chosen groups is never selected, however low the others score."""
    for top_k in (2, 4):
        logits, bias = _clear(rng, 6, 8, scoring="sigmoid", n_group=4)
        yield given(logits, top_k, "sigmoid", bias=bias - 3, n_group=4, topk_group=2)
        bias = bias - torch.tensor([0.0, 3.0]).repeat(4)
        yield given(logits, top_k, "sigmoid", bias=bias, n_group=4, topk_group=2)


@exercise.agrees(points=1, proves=("low-precision", "precision"))
def low_precision_and_large_logits(rng: np.random.Generator) -> Iterator[Given]:
    """Half-precision logits are computed in float32, and large logits do not overflow."""
    for dtype in (torch.bfloat16, torch.float16):
        for scoring in ("softmax", "sigmoid"):
            yield given(ranked_logits(rng, 4, 8, dtype), 3, scoring, norm_topk=True, scale=1.25)
    offsets = torch.tensor([[110.0], [-110.0], [90.0]])
    yield given(ranked_logits(rng, 3, 6) + offsets, 2)


@exercise.law(
    points=1.5,
    proves=(
        "unknown-scoring",
        "wrong-n-group",
        "wrong-topk-group",
        "wrong-top-k",
        "unchanged",
        "inputs",
    ),
    hidden=True,
)
def wrong_arguments(answer: Answer) -> None:
    """ValueError for settings that do not fit together; the inputs stay as they were."""
    logits = torch.log(torch.tensor([[1.0, 6.0, 2.0, 3.0, 5.0, 4.0, 1.5, 2.5]]))
    bias = torch.linspace(0.01, 0.0, 8)  # sorting or centring it in place would change it
    routed = answer(logits, 2, bias=bias, n_group=4, topk_group=2)
    wrong = difference(routed[0], torch.tensor([[1, 4]]), where="the selection")
    assert not wrong, f"groups are ranked by the sum of their two best biased scores; {wrong}"
    assert not answer.left_behind, f"the call left something behind: {answer.left_behind}"
    for options in (
        {"top_k": 0},
        {"top_k": 9},
        {"top_k": -1},
        {"top_k": 2, "scoring": "relu"},
        {"top_k": 2, "n_group": 0},
        {"top_k": 2, "n_group": 3},
        {"top_k": 1, "n_group": 8},
        {"top_k": 2, "n_group": 4, "topk_group": 0},
        {"top_k": 2, "n_group": 4, "topk_group": 5},
        {"top_k": 2, "n_group": 1, "topk_group": 2},
        {"top_k": 3, "n_group": 4, "topk_group": 1},
        {"top_k": 5, "n_group": 4, "topk_group": 2},
        {"top_k": 2, "n_group": -2},
        {"top_k": 1, "n_group": -8},
        {"top_k": 2, "n_group": 16},
        {"top_k": 2, "n_group": 4, "topk_group": -1},
        {"top_k": 0, "n_group": 4, "topk_group": 2},
        {"top_k": 2, "scoring": "Softmax"},
        {"top_k": 2, "scoring": ""},
    ):
        assert answer.raises(ValueError, logits, **options), (
            "a setting that the text rules out was accepted; it should be a ValueError"
        )
    assert answer.raises(ValueError, logits[:, :2], 1, n_group=2), (
        "two groups of a single expert were accepted; a group needs two experts or more"
    )


@exercise.law(points=0.5, proves="sqrtsoftplus", hidden=True)
def softplus_scores(answer: Answer, rng: np.random.Generator) -> None:
    """The square root of the softplus is a score, for large logits, too."""
    steps = torch.from_numpy(2.0 * rng.permutation(8)).float()  # further apart than two scores
    cases: tuple[tuple[torch.Tensor, dict[str, Any]], ...] = (
        (ranked_logits(rng, 6, 8), {"top_k": 3}),
        (ranked_logits(rng, 5, 6), {"top_k": 4, "norm_topk": True, "scale": 2.5}),
        (ranked_logits(rng, 4, 8), {"top_k": 5, "bias": steps}),
        (ranked_logits(rng, 3, 6) + torch.tensor([[110.0], [-6.0], [90.0]]), {"top_k": 2}),
    )
    first = cases[0][0], 3
    plain = list(route(*first))
    wrong = difference(list(answer(*first)), plain)
    assert not wrong, f"with softmax scores, {wrong}"
    if answer.raises(ValueError, *first, "sqrtsoftplus"):
        return  # written before this scoring came
    for logits, options in cases:
        right = list(route(logits, scoring="sqrtsoftplus", **options))
        wrong = difference(list(answer(logits, scoring="sqrtsoftplus", **options)), right)
        assert not wrong, f"with the square root of the softplus as scores, {wrong}"


@exercise.law(points=0.5, proves=("group-best", "wrong-group-best"), hidden=True)
def who_speaks_for_a_group(answer: Answer, rng: np.random.Generator) -> None:
    """A group is judged by its `group_best` best experts: by one, by two or by three."""
    groups = [[0.90, 0.10, 0.05], [0.60, 0.58, 0.05], [0.46, 0.44, 0.42]]
    scores = np.array(groups) + rng.uniform(-0.004, 0.004, size=(3, 3))
    order = rng.permutation(3)
    scores = rng.permuted(scores[order], axis=1)
    logits = torch.logit(torch.from_numpy(scores).float()).reshape(1, 9)
    for best in (0, 2, 1, 3):
        options = {"n_group": 3, "group_best": best} if best else {"n_group": 3}
        group = int(np.flatnonzero(order == (best or 2) - 1)[0])
        chosen = torch.from_numpy(3 * group + np.argsort(-scores[group])[:2]).unsqueeze(0)
        if best and lacks(answer, "group_best", logits, 2, "sigmoid", **options):
            return
        indices, _ = answer(logits, 2, "sigmoid", **options)
        wrong = difference(indices, chosen, where="indices")
        assert not wrong, (
            "of three groups, one has the best expert, one the two best together, and one the "
            f"three best together: which one is used depends on `group_best`; {wrong}"
        )
    for best in (0, -1, 4, 9):
        assert answer.raises(ValueError, logits, 2, "sigmoid", n_group=3, group_best=best), (
            "a `group_best` outside 1..E / n_group was accepted; it should be a ValueError"
        )


def _clear(
    rng: np.random.Generator,
    tokens: int,
    experts: int,
    *,
    scoring: str,
    n_group: int = 1,
    spread: float = 1.0,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Draw logits and a bias so that no two biased scores or group scores are close."""
    bias = torch.from_numpy(rng.uniform(-spread / 2, spread / 2, size=experts)).float()
    logits = ranked_logits(rng, CANDIDATES, experts)
    scores = torch.softmax(logits, dim=-1) if scoring == "softmax" else torch.sigmoid(logits)
    biased = scores + bias
    groups = biased.reshape(CANDIDATES, n_group, -1).topk(2, dim=-1).values.sum(dim=-1)
    kept = (_smallest_gap(biased) > GAP) & (_smallest_gap(groups) > GAP)
    clear = logits[kept][:tokens]
    if len(clear) < tokens:
        raise RuntimeError("too few clear tokens: raise CANDIDATES or lower GAP")
    return clear, bias


def _contested(
    logits: torch.Tensor, biased: torch.Tensor, n_group: int, topk_group: int
) -> torch.Tensor:
    """Tokens whose groups come out differently by the best one, three or all experts of each."""
    grouped = biased.reshape(len(biased), n_group, -1).sort(dim=-1, descending=True).values
    size = grouped.shape[2]
    right = _best_of(grouped[..., :2].sum(dim=-1), topk_group)
    picked = [logits[:2]]
    for others in {1, min(3, size), size} - {2}:
        wrong = _best_of(grouped[..., :others].sum(dim=-1), topk_group)
        picked.append(logits[(right != wrong).any(dim=1)][:3])
    return torch.cat(picked)


def _best_of(group_scores: torch.Tensor, topk_group: int) -> torch.Tensor:
    return group_scores.topk(topk_group, dim=-1).indices.sort(dim=-1).values


def _smallest_gap(scores: torch.Tensor) -> torch.Tensor:
    if scores.shape[1] < 2:
        return torch.full((len(scores),), math.inf)
    return scores.sort(dim=-1).values.diff(dim=-1).min(dim=-1).values
