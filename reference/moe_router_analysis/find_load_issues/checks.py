"""The checks of `find_load_issues`."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from autograder import given
from autograder.authoring.given import Given
from moelab_kit import Answer
from moelab_kit.compare import difference
from reference.moe_router_analysis.find_load_issues import exercise


def load_stats_of(counts: Sequence[int], top_k: int = 1) -> dict[str, Any]:
    """What analyze_load_distribution returns for these counts."""
    mean, deviation = statistics.fmean(counts), statistics.pstdev(counts)
    return {
        "expert_counts": dict(enumerate(counts)),
        "total_tokens": sum(counts) // top_k,
        "num_experts": len(counts),
        "top_k": top_k,
        "expected_per_expert": mean,
        "actual_mean": mean,
        "actual_std": deviation,
        "max_load": max(counts),
        "min_load": min(counts),
        "load_balance_score": 1 - deviation / (mean + 1e-8),
    }


@exercise.law(points=1, proves=("overloaded", "underused"))
def names_the_worst_first(answer: Answer, rng: np.random.Generator) -> None:
    """Finds the overloaded and the underused experts, and lists the worst first."""
    counts = (np.array([90, 170, 20, 100, 210, 10]) + rng.integers(10, size=6)).tolist()
    issues = answer(load_stats_of(counts))
    assert isinstance(issues, Mapping), f"asked for a dict, got {type(issues).__name__}"
    missing = {"overloaded", "underused"} - set(issues)
    assert not missing, f"the result lacks the keys {sorted(missing)}"
    overloaded, underused = ([(e, counts[e]) for e in experts] for experts in ((4, 1), (5, 2)))
    wrong = difference(issues, {"overloaded": overloaded, "underused": underused})
    assert not wrong, (
        f"for {statistics.fmean(counts):.1f} expected tokens and the counts {counts}, experts 4 "
        "and 1 are overloaded, 5 and 2 underused, as lists of (expert, count); "
        f"{wrong}: {dict(issues)}"
    )


@exercise.agrees(points=1, proves=("overloaded", "underused"))
def random_loads(rng: np.random.Generator) -> Iterator[Given]:
    """Agrees with the reference on random loads, with one or more experts per token."""
    for top_k in (1, 2, 3):
        counts = [*_draw(rng, 60, 90, 3, step=3), *_draw(rng, 20, 31, 5), *_draw(rng, 1, 9, 3)]
        counts[0] += -sum(counts) % top_k
        yield given(load_stats_of(_shuffled(rng, counts), top_k))


@exercise.agrees(points=1, proves="strict")
def counts_at_the_limit(rng: np.random.Generator) -> Iterator[Given]:
    """A count exactly at a limit is no issue, and one just beyond it is."""
    yield given(load_stats_of(_shuffled(rng, [12, 4, 13, 3, 8, 8, 10, 6]), 2))
    yield given(load_stats_of(_shuffled(rng, [15, 5, 10, 10]), 2))
    yield given(load_stats_of(_shuffled(rng, [16, 5, 11, 11, 11]), 2))
    yield given(load_stats_of(_shuffled(rng, [16, 5, 11, 11, 10])))


@exercise.agrees(points=1, proves=("equal-counts", "idle"))
def equal_counts(rng: np.random.Generator) -> Iterator[Given]:
    """Where counts are equal, the lower expert comes first; experts without tokens count too."""
    yield given(load_stats_of(_shuffled(rng, [20, 20, 20, 2, 1, 1, 0, 0]), 2))
    yield given(load_stats_of([2, 20, 1, 0, 20, 1, 0, 20], 2))
    yield given(load_stats_of([0, 9, 0, 9, 9, 0, 0, 0, 9], 2))
    for counts in ([20, 20, 20, 2, 1, 1, 0, 0], [7, 0, 7, 0, 7, 0, 7, 0, 7, 0, 7, 0]):
        stats = load_stats_of(counts, 2)
        order = _shuffled(rng, range(1, len(counts) - 1))
        order = [len(counts) - 1, *order, 0]
        yield given({**stats, "expert_counts": {e: counts[e] for e in order}})


@exercise.agrees(points=0.5, proves=("overloaded", "underused"))
def other_limits(rng: np.random.Generator) -> Iterator[Given]:
    """The limits are arguments."""
    counts = _shuffled(rng, [19, 3, 14, 6, 11, 7])
    yield given(load_stats_of(counts), 1.75, 0.25)
    yield given(load_stats_of(counts), overloaded=1.25, underused=0.75)
    yield given(load_stats_of(counts[::-1]), underused=1.0, overloaded=1.0)
    yield given(load_stats_of(counts), underused=0.0)
    yield given(load_stats_of([5, 5, 5]), 1.0, 1.0)


@exercise.law(points=0.5, proves=("balanced", "unchanged"), hidden=True)
def nothing_to_find(answer: Answer) -> None:
    """Both lists are empty for a balanced load, and the statistics stay as they were."""
    wrong = difference(answer(load_stats_of([6, 6, 6, 6])), {"overloaded": [], "underused": []})
    assert not wrong, f"both lists are empty for a balanced load: {wrong}"
    issues = answer(load_stats_of([18, 5, 6, 3]))
    wrong = difference(issues, {"overloaded": [(0, 18)], "underused": [(3, 3)]})
    assert not wrong, (
        f"above 1.5 times the expected count is overloaded, below half of it is underused: {wrong}"
    )
    assert not answer.left_behind, f"the call left something behind: {answer.left_behind}"


def _draw(rng: np.random.Generator, low: int, high: int, count: int, *, step: int = 1) -> list[int]:
    chosen: list[int] = rng.choice(np.arange(low, high, step), size=count, replace=False).tolist()
    return chosen


def _shuffled(rng: np.random.Generator, counts: Sequence[int]) -> list[int]:
    shuffled: list[int] = rng.permutation(counts).tolist()
    return shuffled
