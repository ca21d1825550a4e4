"""Further correct solutions of `router_weight_statistics`, and known-wrong ones."""

from __future__ import annotations

import numpy as np
import torch

from reference.moe_router_analysis.router_weight_statistics import (
    exercise,
    router_weight_statistics,
)
from reference.moe_router_analysis.router_weight_statistics.checks import (
    all_similarities_negative,
    low_precision,
    random_weights,
    three_directions,
    wrong_arguments,
    zero_and_tiny_rows,
)


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


@exercise.chaff(caught_by=three_directions)
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


@exercise.chaff(caught_by=three_directions)
def returns_the_masked_similarity(router_weights: torch.Tensor) -> dict[str, torch.Tensor]:
    """Masks the diagonal in `similarity` itself (`fill_diagonal_` works in place): mask a copy."""
    statistics = router_weight_statistics(router_weights)
    statistics["similarity"].fill_diagonal_(-1.0)
    return statistics


@exercise.chaff(caught_by=three_directions)
def products_without_norms(router_weights: torch.Tensor) -> dict[str, torch.Tensor]:
    """Returns the dot products of the rows without dividing by both norms."""
    statistics = router_weight_statistics(router_weights)
    weights = router_weights.float()
    return {**statistics, "similarity": weights @ weights.T}


@exercise.chaff(caught_by=random_weights)
def population_standard_deviation(router_weights: torch.Tensor) -> dict[str, torch.Tensor]:
    """Divides by n in the standard deviation (as `np.std` does) where n − 1 was asked for."""
    statistics = router_weight_statistics(router_weights)
    return {**statistics, "stds": router_weights.float().std(dim=1, correction=0)}


@exercise.chaff(caught_by=three_directions)
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
def never_similar_to_a_zero_row(router_weights: torch.Tensor) -> dict[str, torch.Tensor]:
    """Never names a row of zeros as most similar: 0 is more than any negative similarity."""
    statistics = router_weight_statistics(router_weights)
    others = statistics["similarity"].clone()
    others[:, statistics["norms"] == 0] = -2.0
    return {**statistics, "most_similar": others.fill_diagonal_(-3.0).argmax(dim=1)}


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


@exercise.chaff(caught_by=all_similarities_negative)
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
    norms = router_weights.norm(dim=1)
    unit = router_weights / norms.clamp_min(1e-6)[:, None]
    similarity = (unit @ unit.T).float()
    return {
        "norms": norms.float(),
        "means": router_weights.mean(dim=1).float(),
        "stds": router_weights.std(dim=1).float(),
        "similarity": similarity,
        "most_similar": similarity.clone().fill_diagonal_(-2.0).argmax(dim=1),
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
