r"""# What router weights tell

Row $i$ of a router's weight matrix $W$ ([E, d]) is the direction in hidden space that expert $i$
answers to: its logit for a token $x$ is $w_i \cdot x$. So the rows can be read before a single
token is routed. A long row makes an expert loud, and two rows that point the same way make two
experts compete for the same tokens.

Write `router_weight_statistics(router_weights)`, which returns a dict of tensors:

- [norms] `norms` [E]: the L2 norm of each row;
- [means] `means` [E]: the mean of each row;
- [stds] `stds` [E]: the sample standard deviation of each row (divide by n − 1);
- [similarity] `similarity` [E, E]: the cosine similarity of each pair of rows;
- [most-similar] `most_similar` [E], int64: for each expert the most similar *other* expert.

$$\mathrm{similarity}_{ij} = \frac{w_i \cdot w_j}{\lVert w_i \rVert \, \lVert w_j \rVert}$$

- [zero-row] A row of zeros has no direction: its similarity with every other row is 0, not NaN.
  (Its own diagonal entry is not checked.) Every other row has a norm of at least 1e-6. If you
  add a small number to a norm, make sure that it is small against *that*.
- [never-itself] `most_similar` never names the expert itself, also when all similarities are
  negative. The diagonal of `similarity` stays what it is.
- [low-precision] Weights may be bfloat16 or float16: compute in float32, and return float32.
- [unchanged] The weights are not changed.
- [wrong-arguments] `ValueError` unless `router_weights` is two-dimensional with at least two rows.

<details><summary>Hint 1 of 3</summary>

Divide each row by its length first. Then one matrix product gives all cosines at once.
</details>

<details><summary>Hint 2 of 3</summary>

A row of zeros has length 0: divide it by 1 instead (`torch.where`), and its cosines are 0.
</details>

<details><summary>Hint 3 of 3</summary>

For the nearest *other* row, put minus infinity on the diagonal of a *copy* before `argmax`.
</details>
"""

from __future__ import annotations

import torch

from autograder import Effort, Exercise

exercise = Exercise(
    "router_weight_statistics", effort=Effort(difficulty=2, importance=4, minutes=20)
)


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
