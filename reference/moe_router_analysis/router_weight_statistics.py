r"""# What router weights tell

Row $i$ of a router's weight matrix $W$ ([E, d]) is the direction in hidden space that expert $i$
answers to: its logit for a token $x$ is $w_i \cdot x$. So the rows can be read before a single
token is routed. A long row makes an expert loud, and two rows that point the same way make two
experts compete for the same tokens.

Write `router_weight_statistics(router_weights)`, which returns a dict of tensors:

| key | shape | value |
| --- | --- | --- |
| `norms` | [E] | L2 norm of each row |
| `means` | [E] | mean of each row |
| `stds` | [E] | sample standard deviation of each row (divide by n − 1) |
| `similarity` | [E, E] | cosine similarity of each pair of rows |
| `most_similar` | [E], int64 | for each expert the most similar *other* expert |

$$\mathrm{similarity}_{ij} = \frac{w_i \cdot w_j}{\lVert w_i \rVert \, \lVert w_j \rVert}$$

- A row of zeros has no direction: its similarity with every other row is 0, not NaN. (Its own
  diagonal entry is not checked.) Every other row has a norm of at least $10^{-6}$. If you add a
  small number to a norm, make sure that it is small against *that*.
- `most_similar` never names the expert itself, also when all similarities are negative. The
  diagonal of `similarity` stays what it is.
- Weights may be bfloat16 or float16: compute in float32, and return float32. They are not changed.
- `ValueError` unless `router_weights` is two-dimensional with at least two rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch

from autograder import Exercise, Tolerance
from autograder.lab import Answer
from autograder.lab.compare import difference

exercise = Exercise("router_weight_statistics")

_NORMS = Tolerance(1e-5, 1e-10)
_SIMILARITY = Tolerance(1e-5, 5e-6)


@exercise.solution
def router_weight_statistics(router_weights: torch.Tensor) -> dict[str, torch.Tensor]:
    """Return statistics of each row of a router's weights [E, d] and the similarity of its rows.

    The keys are `norms`, `means`, `stds` ([E]), `similarity` ([E, E]) and `most_similar` ([E],
    int64). Raises `ValueError` unless the weights are two-dimensional with E ≥ 2.
    """
    if router_weights.dim() != 2 or router_weights.shape[0] < 2:
        raise ValueError(f"the shape is {list(router_weights.shape)}; it must be [E, d], E >= 2")
    weights = router_weights.detach().float()
    norms = weights.norm(dim=1)
    lengths = norms.unsqueeze(1)
    directions = weights / torch.where(lengths > 0, lengths, 1.0)
    similarity = directions @ directions.T
    others = similarity.clone().fill_diagonal_(float("-inf"))
    return {
        "norms": norms,
        "means": weights.mean(dim=1),
        "stds": weights.std(dim=1),
        "similarity": similarity,
        "most_similar": others.argmax(dim=1),
    }


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


@exercise.law(points=1)
def three_directions(answer: Answer) -> None:
    """Norms, similarities and neighbours of three rows in the plane."""
    statistics = answer(torch.tensor([[3.0, 4.0], [8.0, 6.0], [5.0, 0.0]]))
    assert isinstance(statistics, Mapping), f"asked for a dict, got {type(statistics).__name__}"
    missing = {"norms", "means", "stds", "similarity", "most_similar"} - set(statistics)
    assert not missing, f"the result lacks the keys {sorted(missing)}"
    wrong = difference(
        {key: statistics[key] for key in ("norms", "similarity")},
        {
            "norms": torch.tensor([5.0, 10.0, 5.0]),
            "similarity": torch.tensor([[1.0, 0.96, 0.6], [0.96, 1.0, 0.8], [0.6, 0.8, 1.0]]),
        },
    )
    assert not wrong, (
        f"for the rows (3, 4), (8, 6) and (5, 0), {wrong}: norms {statistics['norms']}, "
        f"similarity {statistics['similarity']}"
    )
    neighbours = statistics["most_similar"]
    assert isinstance(neighbours, torch.Tensor), "most_similar should be a tensor"
    assert neighbours.tolist() == [1, 0, 1], (
        f"most_similar should be [1, 0, 1], not {neighbours.tolist()}: an expert is not its own "
        "neighbour"
    )


@exercise.agrees(points=2.5, compare=_compare)
def random_weights(rng: np.random.Generator) -> Iterator[torch.Tensor]:
    """Agrees with the reference on random weights of several sizes."""
    for experts, hidden, scale in ((2, 2, 1.0), (4, 3, 0.02), (8, 16, 3.0), (32, 24, 0.5)):
        yield _weights(rng, experts, hidden) * scale


@exercise.agrees(points=1.5, compare=_compare)
def zero_and_tiny_rows(rng: np.random.Generator) -> Iterator[torch.Tensor]:
    """A row of zeros is similar to nothing, and a tiny row still has a direction."""
    yield torch.cat([_weights(rng, 2, 8), torch.zeros(1, 8), _weights(rng, 2, 8)])
    tiny = _weights(rng, 4, 8)
    tiny[1:3] *= 2e-6 / tiny[1:3].norm(dim=1, keepdim=True)
    yield tiny
    yield torch.cat([tiny, torch.zeros(2, 8)])


@exercise.agrees(points=1, compare=_compare)
def all_similarities_negative(rng: np.random.Generator) -> Iterator[torch.Tensor]:
    """Where every other expert points away, the least opposed one is the most similar."""
    corners = torch.eye(4) - 0.25
    noise = torch.from_numpy(rng.uniform(-0.05, 0.05, size=(4, 4))).float()
    yield (corners + noise) * 2.0
    yield torch.tensor([[2.0, 0.0], [-0.5, 0.0]])


@exercise.agrees(points=1, compare=_compare)
def low_precision(rng: np.random.Generator) -> Iterator[torch.Tensor]:
    """Half-precision weights are computed in float32."""
    yield (_weights(rng, 8, 12) * 0.1).to(torch.bfloat16)
    yield _weights(rng, 2, 20).to(torch.bfloat16)
    yield (_weights(rng, 4, 10) * 200.0).to(torch.float16)


@exercise.law(points=1, hidden=True)
def wrong_arguments(answer: Answer) -> None:
    """ValueError unless there are two rows at least; the weights stay as they were."""
    statistics = answer(torch.tensor([[1.0, 1.0], [2.0, -2.0]]))
    wrong = difference(statistics["means"], torch.tensor([1.0, 0.0]))
    assert not wrong, "the means of a small example are wrong"
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


@exercise.wheat
def in_numpy(router_weights: torch.Tensor) -> dict[str, torch.Tensor]:
    """Everything in NumPy in double precision, and the neighbours by sorting."""
    w = router_weights.to(torch.float64).numpy()
    if w.ndim != 2 or len(w) < 2:
        raise ValueError("weights must be [E, d]")
    norms = np.sqrt((w**2).sum(axis=1))
    products = np.outer(norms, norms)
    with np.errstate(invalid="ignore"):
        cosine = np.where(products > 0, (w @ w.T) / products, 0.0)
    order = np.argsort(-(cosine - 4.0 * np.eye(len(w))), axis=1)
    return {
        "norms": torch.tensor(norms, dtype=torch.float32),
        "means": torch.tensor(w.mean(axis=1), dtype=torch.float32),
        "stds": torch.tensor(w.std(axis=1, ddof=1), dtype=torch.float32),
        "similarity": torch.tensor(cosine, dtype=torch.float32),
        "most_similar": torch.tensor(order[:, 0]),
    }


@exercise.wheat
def with_torch_functional(router_weights: torch.Tensor) -> dict[str, torch.Tensor]:
    """`normalize` with its default epsilon, and top-2 of each row without the expert itself."""
    if router_weights.ndim != 2 or router_weights.size(0) <= 1:
        raise ValueError("expected [E, d] with E >= 2")
    w = router_weights.to(torch.float32)
    unit = torch.nn.functional.normalize(w, p=2.0, dim=1)
    sim = torch.einsum("id,jd->ij", unit, unit)
    rows = []
    for i in range(len(sim)):
        candidates = [j for j in range(len(sim)) if j != i]
        rows.append(max(candidates, key=lambda j: sim[i, j].item()))
    var, mean = torch.var_mean(w, dim=1)
    return {
        "norms": torch.linalg.vector_norm(w, dim=-1),
        "means": mean,
        "stds": var.sqrt(),
        "similarity": sim,
        "most_similar": torch.tensor(rows),
    }


@exercise.chaff(
    caught_by=(
        three_directions,
        random_weights,
        zero_and_tiny_rows,
        all_similarities_negative,
        low_precision,
    )
)
def most_similar_to_itself(router_weights: torch.Tensor) -> dict[str, torch.Tensor]:
    """Takes the largest similarity of each row, which is the expert's own: 1 on the diagonal."""
    statistics = router_weight_statistics(router_weights)
    return {**statistics, "most_similar": statistics["similarity"].argmax(dim=1)}


@exercise.chaff(caught_by=all_similarities_negative)
def zero_on_the_diagonal(router_weights: torch.Tensor) -> dict[str, torch.Tensor]:
    """Hides the expert itself with 0: where all others are negative, 0 is the largest.

    Mask the diagonal with -inf.
    """
    return _masked_with(router_weights, 0.0)


@exercise.chaff(caught_by=all_similarities_negative)
def minus_one_on_the_diagonal(router_weights: torch.Tensor) -> dict[str, torch.Tensor]:
    """Hides the expert itself with -1, which is a similarity too: that of opposite rows.

    Mask the diagonal with -inf.
    """
    return _masked_with(router_weights, -1.0)


@exercise.chaff(
    caught_by=(
        three_directions,
        random_weights,
        zero_and_tiny_rows,
        all_similarities_negative,
        low_precision,
    )
)
def returns_the_masked_similarity(router_weights: torch.Tensor) -> dict[str, torch.Tensor]:
    """Masks the diagonal in `similarity` itself (`fill_diagonal_` works in place)."""
    statistics = router_weight_statistics(router_weights)
    statistics["similarity"].fill_diagonal_(-1.0)
    return statistics


@exercise.chaff(
    caught_by=(
        three_directions,
        random_weights,
        zero_and_tiny_rows,
        all_similarities_negative,
        low_precision,
    )
)
def products_without_norms(router_weights: torch.Tensor) -> dict[str, torch.Tensor]:
    """Returns the dot products of the rows without dividing by both norms."""
    statistics = router_weight_statistics(router_weights)
    weights = router_weights.float()
    return {**statistics, "similarity": weights @ weights.T}


@exercise.chaff(
    caught_by=(random_weights, zero_and_tiny_rows, all_similarities_negative, low_precision)
)
def population_standard_deviation(router_weights: torch.Tensor) -> dict[str, torch.Tensor]:
    """Divides by n in the standard deviation (as `np.std` does) where n − 1 was asked for."""
    statistics = router_weight_statistics(router_weights)
    return {**statistics, "stds": router_weights.float().std(dim=1, correction=0)}


@exercise.chaff(
    caught_by=(
        three_directions,
        random_weights,
        zero_and_tiny_rows,
        all_similarities_negative,
        low_precision,
    )
)
def correlates_the_rows(router_weights: torch.Tensor) -> dict[str, torch.Tensor]:
    """Subtracts each row's mean first: that is the correlation, not the cosine similarity."""
    statistics = router_weight_statistics(router_weights)
    weights = router_weights.float()
    centred = router_weight_statistics(weights - weights.mean(dim=1, keepdim=True))
    keys = ("similarity", "most_similar")
    return {**statistics, **{key: centred[key] for key in keys}}


@exercise.chaff(caught_by=(zero_and_tiny_rows,))
def divides_by_a_zero_norm(router_weights: torch.Tensor) -> dict[str, torch.Tensor]:
    """Divides a row of zeros by its norm: 0 / 0 is NaN, and NaN spreads to every similarity."""
    statistics = router_weight_statistics(router_weights)
    directions = router_weights.float() / statistics["norms"].unsqueeze(1)
    return {**statistics, "similarity": directions @ directions.T}


@exercise.chaff(caught_by=zero_and_tiny_rows)
def adds_to_the_norm(router_weights: torch.Tensor) -> dict[str, torch.Tensor]:
    """Adds 1e-8 to each norm: for a row of norm 1e-6 that changes the similarity by a percent.

    Divide by the norm itself, and treat rows of zeros on their own.
    """
    statistics = router_weight_statistics(router_weights)
    directions = router_weights.float() / (statistics["norms"].unsqueeze(1) + 1e-8)
    return {**statistics, "similarity": directions @ directions.T}


@exercise.chaff(caught_by=zero_and_tiny_rows)
def bounds_the_product_of_norms(router_weights: torch.Tensor) -> dict[str, torch.Tensor]:
    """Keeps the product of two norms above 1e-8: two tiny rows then look unrelated."""
    statistics = router_weight_statistics(router_weights)
    weights, norms = router_weights.float(), statistics["norms"]
    return {
        **statistics,
        "similarity": weights @ weights.T / torch.outer(norms, norms).clamp(min=1e-8),
    }


@exercise.chaff(
    caught_by=(random_weights, zero_and_tiny_rows, all_similarities_negative, low_precision)
)
def most_similar_in_size(router_weights: torch.Tensor) -> dict[str, torch.Tensor]:
    """Looks for the largest |similarity|: an opposite row is the least similar, not the most."""
    statistics = router_weight_statistics(router_weights)
    others = statistics["similarity"].abs().fill_diagonal_(-1.0)
    return {**statistics, "most_similar": others.argmax(dim=1)}


@exercise.chaff(caught_by=low_precision)
def stays_in_half_precision(router_weights: torch.Tensor) -> dict[str, torch.Tensor]:
    """Computes in the weights' own dtype and converts the results: the digits are gone by then."""
    statistics = router_weight_statistics(router_weights)
    if router_weights.dtype == torch.float32:
        return statistics
    return {
        **statistics,
        "norms": router_weights.norm(dim=1).float(),
        "means": router_weights.mean(dim=1).float(),
        "stds": router_weights.std(dim=1).float(),
    }


@exercise.chaff(caught_by=wrong_arguments)
def accepts_a_single_row(router_weights: torch.Tensor) -> dict[str, torch.Tensor]:
    """Accepts one row, for which there is no other expert to compare with."""
    if router_weights.dim() == 2 and len(router_weights) == 1:
        return {"most_similar": torch.zeros(1, dtype=torch.int64)}
    return router_weight_statistics(router_weights)


@exercise.chaff(caught_by=wrong_arguments)
def flattens_to_two_dimensions(router_weights: torch.Tensor) -> dict[str, torch.Tensor]:
    """Reshapes whatever comes in to two dimensions instead of refusing it."""
    return router_weight_statistics(router_weights.reshape(-1, router_weights.shape[-1]))


@exercise.chaff(caught_by=wrong_arguments)
def normalises_in_place(router_weights: torch.Tensor) -> dict[str, torch.Tensor]:
    """Divides the rows by their norms in place (`div_`, `/=`): the caller's weights are changed."""
    statistics = router_weight_statistics(router_weights)
    router_weights /= router_weights.norm(dim=1, keepdim=True).clamp(min=1e-12)
    return statistics


def _masked_with(router_weights: torch.Tensor, value: float) -> dict[str, torch.Tensor]:
    statistics = router_weight_statistics(router_weights)
    others = statistics["similarity"].clone().fill_diagonal_(value)
    return {**statistics, "most_similar": others.argmax(dim=1)}
