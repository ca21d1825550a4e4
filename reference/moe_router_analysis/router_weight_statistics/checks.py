"""The checks of `router_weight_statistics`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch

from autograder import Tolerance
from moelab_kit import Answer
from moelab_kit.compare import difference
from reference.moe_router_analysis.router_weight_statistics import exercise

_NORMS = Tolerance(1e-5, 1e-10)
_SIMILARITY = Tolerance(1e-5, 5e-6)


def _compare(got: Any, expected: Mapping[str, torch.Tensor]) -> str:
    """Like `difference`, with the diagonal of zero rows and ties of `most_similar` left open."""
    plain = {key: expected[key] for key in ("means", "stds")}
    found = difference(got, plain) or difference(got, {"norms": expected["norms"]}, _NORMS)
    if found:
        return found
    for key in ("similarity", "most_similar"):
        if key not in got:
            return f"the result lacks {key!r}"
    return _similarity_difference(got["similarity"], expected) or _neighbour_difference(
        got["most_similar"], expected["similarity"]
    )


def _similarity_difference(got: Any, expected: Mapping[str, torch.Tensor]) -> str:
    similarity = expected["similarity"]
    if isinstance(got, torch.Tensor) and got.shape == similarity.shape:
        open_entries = torch.diag(expected["norms"] == 0)
        got = torch.where(open_entries, similarity.to(got.dtype), got.detach())
    return difference(got, similarity, _SIMILARITY, "the result['similarity']")


def _neighbour_difference(got: Any, similarity: torch.Tensor) -> str:
    experts = len(similarity)
    where = "the result['most_similar']"
    if not isinstance(got, torch.Tensor) or got.dtype != torch.int64 or got.shape != (experts,):
        return difference(got, torch.zeros(experts, dtype=torch.int64), where=where)
    if bool(((got < 0) | (got >= experts)).any()):
        return f"{where} names an expert that does not exist"
    if bool((got == torch.arange(experts)).any()):
        return f"{where} names an expert itself"
    others = similarity.clone().fill_diagonal_(float("-inf"))
    chosen = others.gather(1, got.unsqueeze(1)).squeeze(1)
    right = chosen >= others.max(dim=1).values - _SIMILARITY.atol
    return "" if bool(right.all()) else f"{where} is not the most similar other expert"


@exercise.law(points=1, proves=("norms", "similarity", "most-similar"))
def three_directions(answer: Answer, rng: np.random.Generator) -> None:
    """Norms, similarities and neighbours of three rows in the plane."""
    scale = float(rng.uniform(0.5, 2.0))
    statistics = answer(scale * torch.tensor([[3.0, 4.0], [8.0, 6.0], [5.0, 0.0]]))
    assert isinstance(statistics, Mapping), f"asked for a dict, got {type(statistics).__name__}"
    missing = {"norms", "means", "stds", "similarity", "most_similar"} - set(statistics)
    assert not missing, f"the result lacks the keys {sorted(missing)}"
    wrong = difference(
        {key: statistics[key] for key in ("norms", "similarity")},
        {
            "norms": scale * torch.tensor([5.0, 10.0, 5.0]),
            "similarity": torch.tensor([[1.0, 0.96, 0.6], [0.96, 1.0, 0.8], [0.6, 0.8, 1.0]]),
        },
    )
    assert not wrong, (
        f"for {scale:.4g} times the rows (3, 4), (8, 6) and (5, 0), {wrong}: norms "
        f"{statistics['norms']}, similarity {statistics['similarity']}"
    )
    neighbours = statistics["most_similar"]
    assert isinstance(neighbours, torch.Tensor), "most_similar should be a tensor"
    assert neighbours.tolist() == [1, 0, 1], (
        f"most_similar should be [1, 0, 1], not {neighbours.tolist()}: an expert is not its own "
        "neighbour"
    )


@exercise.agrees(
    points=2.5,
    proves=("norms", "means", "stds", "similarity", "most-similar", "ties"),
    compare=_compare,
)
def random_weights(rng: np.random.Generator) -> Iterator[torch.Tensor]:
    """Agrees with the reference on random weights of several sizes."""
    for experts, hidden, scale in ((2, 2, 1.0), (4, 3, 0.02), (8, 16, 3.0), (32, 24, 0.5)):
        yield _weights(rng, experts, hidden) * scale
    yield _weights(rng, 4, 6).repeat(2, 1)


@exercise.agrees(points=1.5, proves="zero-row", compare=_compare)
def zero_and_tiny_rows(rng: np.random.Generator) -> Iterator[torch.Tensor]:
    """A row of zeros is similar to nothing, and a tiny row still has a direction."""
    yield torch.cat([_weights(rng, 2, 8), torch.zeros(1, 8), _weights(rng, 2, 8)])
    tiny = _weights(rng, 4, 8)
    tiny[1:3] *= 2e-6 / tiny[1:3].norm(dim=1, keepdim=True)
    yield tiny
    yield torch.cat([tiny, torch.zeros(2, 8)])
    yield torch.tensor([[2.0, 0.0], [-0.5, 0.25], [0.0, 0.0]])


@exercise.agrees(points=1, proves="never-itself", compare=_compare)
def all_similarities_negative(rng: np.random.Generator) -> Iterator[torch.Tensor]:
    """Where every other expert points away, the least opposed one is the most similar."""
    corners = torch.eye(4) - 0.25
    noise = torch.from_numpy(rng.uniform(-0.05, 0.05, size=(4, 4))).float()
    yield (corners + noise) * 2.0
    yield torch.tensor([[2.0, 0.0], [-0.5, 0.0]])


@exercise.agrees(points=1, proves=("low-precision", "precision"), compare=_compare)
def low_precision(rng: np.random.Generator) -> Iterator[torch.Tensor]:
    """Half-precision weights are computed in float32."""
    yield (_weights(rng, 8, 12) * 0.1).to(torch.bfloat16)
    yield _weights(rng, 2, 20).to(torch.bfloat16)
    yield (_weights(rng, 4, 10) * 200.0).to(torch.float16)
    yield (_weights(rng, 6, 300) * 1000.0).to(torch.float16)


@exercise.law(points=1, proves=("wrong-arguments", "unchanged", "errors"), hidden=True)
def wrong_arguments(answer: Answer) -> None:
    """ValueError unless there are two rows at least; the weights stay as they were."""
    statistics = answer(torch.tensor([[1.0, 1.0], [2.0, -2.0]]))
    wrong = difference(statistics["means"], torch.tensor([1.0, 0.0]))
    assert not wrong, "`means` holds the mean of each row, with the signs of its entries"
    assert not answer.left_behind, f"the call left something behind: {answer.left_behind}"
    for shape in ((4,), (2, 3, 4), (1, 4)):
        assert answer.raises(ValueError, torch.ones(shape)), (
            "weights that are not [E, d] with E of at least 2 were accepted; "
            "they should be a ValueError"
        )


def _weights(rng: np.random.Generator, experts: int, hidden: int) -> torch.Tensor:
    """Rows in groups of four: two that point one way, and two that point the opposite way.

    Each row's most similar other row is similar indeed, and another is even more opposed to it.
    """
    magnitude = rng.uniform(0.5, 1.5, size=(-(-experts // 4), 1, hidden))
    sign = rng.choice([-1.0, 1.0], size=magnitude.shape)
    noise = rng.uniform(-1.0, 1.0, size=(len(magnitude), 4, hidden))
    rows = sign * magnitude + noise * np.array([[0.0], [0.4], [0.05], [0.4]])
    rows *= np.array([[1.0], [1.0], [-1.0], [-1.0]])
    return torch.from_numpy(rows.reshape(-1, hidden)[:experts]).float()
