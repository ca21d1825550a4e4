"""The checks of `simulate_topk_routing`."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch

from autograder import given
from autograder.authoring.given import Given
from moe_lab.inputs import ranked_logits
from moelab_kit import Answer
from moelab_kit.compare import Tolerance, difference
from reference.moe_router_analysis.simulate_topk_routing import exercise

MANY_TOKENS = 50_000  # a quarter of what the statement names: enough to see what adds up badly
MANY_EXPERTS = 64
FEWER_TOKENS = (500, 4_500)  # numbers whose calls are compared line by line
LINES_PER_TOKEN = 0.5  # work on all tokens at once runs 0.0 lines per token, a loop 1 and more
TIMED_TOKENS = 40_000  # of 4 experts: at once 6 to 17 ms, in the quickest loop 100, in others 200
TIMES = 4  # that a loop is too slow, each time on other tokens
TOO_SLOW = (
    "too slow for very many tokens: work on all tokens at once, without a Python loop over them"
)


@exercise.law(points=1, proves=("indices", "weights", "counts", "every-expert", "numbers"))
def worked_example(answer: Answer, rng: np.random.Generator) -> None:
    """Two experts per token, best first, with weights that add up to 1."""
    logits = torch.log(torch.tensor([[6.0, 2.0, 1.0], [1.0, 3.0, 9.0]]))
    logits += torch.from_numpy(rng.normal(size=(2, 1))).float()  # changes no softmax
    routing = answer(logits, top_k=2)
    assert isinstance(routing, Mapping), f"asked for a dict, got {type(routing).__name__}"
    missing = {
        *("top_indices", "routing_weights", "expert_counts", "expert_weight_sums"),
        *("mean_first_expert_weight", "std_first_expert_weight"),
    } - set(routing)
    assert not missing, f"the result lacks the keys {sorted(missing)}"
    chosen, weights = routing["top_indices"], routing["routing_weights"]
    assert isinstance(chosen, torch.Tensor), "top_indices should be a tensor"
    assert chosen.tolist() == [[0, 1], [2, 1]], (
        f"the first token prefers expert 0, then 1; the second 2, then 1. Got {chosen.tolist()}"
    )
    wrong = difference(weights, torch.tensor([[0.75, 0.25], [0.75, 0.25]]), where="routing_weights")
    assert not wrong, (
        f"6 : 2 and 9 : 3 both make weights 0.75 and 0.25, but {wrong}:"
        f" {weights}. The softmax goes over the selected logits only"
    )
    counts = routing["expert_counts"]
    assert isinstance(counts, Mapping), "expert_counts should be a dict"
    for key in ("expert_counts", "expert_weight_sums"):
        assert all(type(expert) is int for expert in routing[key]), (
            f"the keys of {key} should be plain ints, such as those of `range` or `tolist()`"
        )
    assert {e: int(n) for e, n in counts.items()} == {0: 1, 1: 2, 2: 1}, (
        f"expert 1 was selected twice, the others once; got {dict(counts)}"
    )


@exercise.agrees(
    points=2, proves=("indices", "weights", "counts", "sums", "mean-and-std", "every-expert")
)
def random_logits(rng: np.random.Generator) -> Iterator[Given]:
    """Agrees with the reference on random logits and every kind of top_k."""
    yield given(ranked_logits(rng, 12, 8))
    yield given(ranked_logits(rng, 5, 4), top_k=4)
    yield given(ranked_logits(rng, 9, 6), top_k=1)
    yield given(ranked_logits(rng, 2, 2))
    yield given(ranked_logits(rng, 7, 64), top_k=3)
    yield given(ranked_logits(rng, 40, 16), top_k=5)
    yield given(ranked_logits(rng, 300, 12), top_k=3)


@exercise.agrees(points=1, proves="mean-and-std")
def single_token(rng: np.random.Generator) -> Iterator[Given]:
    """A single token is a full answer too, and its standard deviation is 0.0."""
    yield given(ranked_logits(rng, 1, 5))
    yield given(ranked_logits(rng, 1, 4).sort(dim=-1).values, top_k=3)


@exercise.agrees(
    points=1, proves=("low-precision", "by-logits", "precision"), tolerance=Tolerance(1e-4, 1e-5)
)
def low_precision_and_large_logits(rng: np.random.Generator) -> Iterator[Given]:
    """Half precision is computed in float32; the order holds for large logits, far apart."""
    for dtype in (torch.bfloat16, torch.float16):
        yield given(ranked_logits(rng, 4, 16, dtype), top_k=3)
    offsets = torch.tensor([[110.0], [-110.0], [0.0], [90.0]])
    yield given(ranked_logits(rng, 4, 6) + offsets, top_k=2)
    yield given(200 * ranked_logits(rng, 6, 8), top_k=4)
    yield given(torch.eye(5)[torch.from_numpy(rng.permutation(5))] * 8 + ranked_logits(rng, 5, 5))


@exercise.law(points=1, proves=("wrong-arguments", "unchanged", "errors"), hidden=True)
def wrong_arguments(answer: Answer) -> None:
    """ValueError for a top_k outside 1..E and for no tokens; the logits stay as they were."""
    logits = torch.log(torch.tensor([[1.0, 2.0, 8.0], [4.0, 1.0, 1.5]]))
    routing = answer(logits, top_k=2)
    wrong = difference(routing["top_indices"], torch.tensor([[2, 1], [0, 2]]))
    assert not wrong, "best expert first: each token's experts are in the order of their logits"
    assert not answer.left_behind, f"the call left something behind: {answer.left_behind}"
    for top_k in (0, -1, 4):
        assert answer.raises(ValueError, logits, top_k=top_k), (
            "a top_k outside 1..E was accepted; it should be a ValueError"
        )
    assert answer.raises(ValueError, torch.zeros(0, 3)), (
        "logits without tokens were accepted; they should be a ValueError"
    )


@exercise.law(points=2, proves=("fast", "counts", "sums"), hidden=True, time_limit=20)
def many_tokens(answer: Answer, rng: np.random.Generator) -> None:
    """Very many tokens of 64 experts: right, and without a loop over tokens."""
    logits = ranked_logits(rng, MANY_TOKENS, MANY_EXPERTS)
    expected = _expected(logits)
    routing = answer(logits.to(torch.bfloat16), top_k=2)
    wrong = difference(routing, expected, Tolerance(1e-3, 1e-3))
    assert not wrong, f"with very many tokens, {wrong}: add up in float32 or better"
    for expert, count in expected["expert_counts"].items():
        assert int(routing["expert_counts"][expert]) == count, (
            "very large counts are not exact: count in integers"
        )
    few, more = FEWER_TOKENS
    lines = [answer.lines_run(ranked_logits(rng, tokens, 4), top_k=2) for tokens in FEWER_TOKENS]
    assert lines[1] - lines[0] < LINES_PER_TOKEN * (more - few), TOO_SLOW
    assert any(_beats_a_loop(answer, ranked_logits(rng, TIMED_TOKENS, 4)) for _ in range(TIMES)), (
        TOO_SLOW
    )


def _expected(logits: torch.Tensor) -> dict[str, Any]:
    """The routing of the two best experts per token, without the weights of each token."""
    experts = logits.shape[1]
    selected, chosen = logits.topk(2, dim=-1)
    slots, weights = chosen.flatten(), torch.softmax(selected.double(), dim=-1)
    counts = torch.bincount(slots, minlength=experts).tolist()
    sums = torch.bincount(slots, weights=weights.flatten(), minlength=experts).tolist()
    return {
        "top_indices": chosen,
        "expert_counts": dict(enumerate(counts)),
        "expert_weight_sums": dict(enumerate(sums)),
        "mean_first_expert_weight": weights[:, 0].mean().item(),
        "std_first_expert_weight": weights[:, 0].std().item(),
    }


def _beats_a_loop(answer: Answer, logits: torch.Tensor) -> bool:
    """Whether a right answer needs less processor time than a lean loop that does half the work.

    Counting lines is exact, but the code that is counted can switch it off. Nothing switches off
    the kernel's account of the processors.
    """
    routing = answer(logits, top_k=2)
    used = answer.processor_seconds
    wrong = difference(routing, _expected(logits), Tolerance(1e-3, 1e-3))
    assert not wrong, f"with very many tokens, {wrong}"
    return used < _seconds_of_a_loop(logits)


def _seconds_of_a_loop(logits: torch.Tensor) -> float:
    """Processor time that this machine needs now to find each token's two best in a Python loop."""
    began = time.thread_time()
    values, experts = logits.flatten().tolist(), logits.shape[1]
    first, second = [], []
    for start in range(0, len(values), experts):
        row = values[start : start + experts]
        best = row.index(max(row))
        row[best] = -math.inf
        first.append(best)
        second.append(row.index(max(row)))
    torch.tensor([first, second])
    return time.thread_time() - began
