"""Further correct solutions of `simulate_topk_routing`, and known-wrong ones."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import torch

from reference.moe_router_analysis.simulate_topk_routing import (
    exercise,
    simulate_topk_routing,
)
from reference.moe_router_analysis.simulate_topk_routing.checks import (
    low_precision_and_large_logits,
    many_tokens,
    random_logits,
    single_token,
    worked_example,
    wrong_arguments,
)


@exercise.wheat
def in_numpy(logits: torch.Tensor, top_k: int = 2) -> dict[str, Any]:
    """Sorts in NumPy, counts with a Counter and adds up with `np.add.at`."""
    z = logits.to(torch.float64).numpy()
    if top_k < 1 or top_k > z.shape[1] or not len(z):
        raise ValueError("wrong arguments")
    order = np.argsort(-z, axis=1)[:, :top_k]
    e = np.exp(np.take_along_axis(z, order, axis=1) - z.max(axis=1, keepdims=True))
    w = e / e.sum(axis=1, keepdims=True)
    counted = Counter(order.ravel().tolist())
    sums = np.zeros(z.shape[1])
    np.add.at(sums, order.ravel(), w.ravel())
    return {
        "top_indices": torch.from_numpy(order.copy()),
        "routing_weights": torch.from_numpy(w).float(),
        "expert_counts": {e: counted[e] for e in range(z.shape[1])},
        "expert_weight_sums": {e: sums[e] for e in range(z.shape[1])},
        "mean_first_expert_weight": np.mean(w[:, 0]),
        "std_first_expert_weight": np.std(w[:, 0], ddof=1) if len(z) > 1 else 0,
    }


@exercise.wheat
def renormalised_over_all_experts(logits: torch.Tensor, top_k: int = 2) -> dict[str, Any]:
    """Softmax over all experts, those of the largest logits, renormalised; a loop over experts."""
    num_tokens, num_experts = logits.shape
    if not (0 < top_k <= num_experts and num_tokens > 0):
        raise ValueError("wrong arguments")
    p = torch.softmax(logits, dim=-1, dtype=torch.float32)
    idx = torch.sort(logits, dim=-1, descending=True).indices[:, :top_k]
    w = p.gather(1, idx)
    w = w / w.sum(dim=-1, keepdim=True)
    best = w.select(1, 0)
    return {
        "top_indices": idx,
        "routing_weights": w,
        "expert_counts": {e: (idx == e).sum() for e in range(num_experts)},
        "expert_weight_sums": {e: w[idx == e].sum() for e in range(num_experts)},
        "mean_first_expert_weight": best.mean(),
        "std_first_expert_weight": best.std() if num_tokens > 1 else torch.tensor(0.0),
    }


@exercise.chaff(caught_by=worked_example)
def softmax_over_all_experts(logits: torch.Tensor, top_k: int = 2) -> dict[str, Any]:
    """Takes the weights from the softmax over all experts: a token's weights add up to less than 1.

    The softmax goes over the selected logits alone (or divide by the sum of the selected ones).
    """
    routing = simulate_topk_routing(logits, top_k)
    probabilities = torch.softmax(logits.float(), dim=-1)
    return _with_weights(routing, probabilities.gather(1, routing["top_indices"]))


@exercise.chaff(caught_by=worked_example)
def lowest_expert_first(logits: torch.Tensor, top_k: int = 2) -> dict[str, Any]:
    """Lists each token's experts by number. The best expert comes first."""
    routing = simulate_topk_routing(logits, top_k)
    chosen, order = routing["top_indices"].sort(dim=-1)
    routing["top_indices"] = chosen
    return _with_weights(routing, routing["routing_weights"].gather(1, order))


@exercise.chaff(caught_by=random_logits)
def forgets_experts_without_tokens(logits: torch.Tensor, top_k: int = 2) -> dict[str, Any]:
    """Lists only experts that were selected. The idle ones are what the analysis looks for."""
    routing = simulate_topk_routing(logits, top_k)
    used = {e: n for e, n in routing["expert_counts"].items() if n}
    sums = {e: routing["expert_weight_sums"][e] for e in used}
    return {**routing, "expert_counts": used, "expert_weight_sums": sums}


@exercise.chaff(caught_by=random_logits)
def population_standard_deviation(logits: torch.Tensor, top_k: int = 2) -> dict[str, Any]:
    """Divides by n in the standard deviation (as `np.std` does) where n − 1 was asked for."""
    routing = simulate_topk_routing(logits, top_k)
    deviation = routing["routing_weights"][:, 0].std(correction=0).item()
    return {**routing, "std_first_expert_weight": deviation}


@exercise.chaff(caught_by=single_token)
def standard_deviation_of_one_token(logits: torch.Tensor, top_k: int = 2) -> dict[str, Any]:
    """Divides by n − 1 = 0 for a single token, which gives NaN. The exercise asks for 0.0."""
    routing = simulate_topk_routing(logits, top_k)
    if len(logits) == 1:
        routing["std_first_expert_weight"] = float("nan")
    return routing


@exercise.chaff(caught_by=random_logits)
def sums_only_the_best_expert(logits: torch.Tensor, top_k: int = 2) -> dict[str, Any]:
    """Adds up only the weights of first choices. Every slot of a token counts."""
    routing = simulate_topk_routing(logits, top_k)
    first, weights = routing["top_indices"][:, 0], routing["routing_weights"][:, 0]
    sums = torch.bincount(first, weights=weights.double(), minlength=logits.shape[1])
    return {**routing, "expert_weight_sums": dict(enumerate(sums.tolist()))}


@exercise.chaff(caught_by=random_logits)
def statistics_of_all_weights(logits: torch.Tensor, top_k: int = 2) -> dict[str, Any]:
    """Takes mean and deviation over all k weights; the mean is then always 1/k."""
    routing = simulate_topk_routing(logits, top_k)
    weights = routing["routing_weights"]
    return {
        **routing,
        "mean_first_expert_weight": weights.mean().item(),
        "std_first_expert_weight": weights.std().item() if weights.numel() > 1 else 0.0,
    }


@exercise.chaff(caught_by=low_precision_and_large_logits)
def softmax_in_half_precision(logits: torch.Tensor, top_k: int = 2) -> dict[str, Any]:
    """Takes the softmax in the logits' own dtype: bfloat16 keeps only two or three digits."""
    routing = simulate_topk_routing(logits, top_k)
    selected = logits.gather(1, routing["top_indices"])
    return _with_weights(routing, torch.softmax(selected, dim=-1).float())


@exercise.chaff(caught_by=low_precision_and_large_logits)
def softmax_without_a_shift(logits: torch.Tensor, top_k: int = 2) -> dict[str, Any]:
    """Divides exp(z) by its sum: exp overflows for large logits, and the weights become NaN."""
    routing = simulate_topk_routing(logits, top_k)
    e = logits.float().gather(1, routing["top_indices"]).exp()
    return _with_weights(routing, e / e.sum(dim=-1, keepdim=True))


@exercise.chaff(caught_by=low_precision_and_large_logits)
def chooses_by_probability(logits: torch.Tensor, top_k: int = 2) -> dict[str, Any]:
    """Takes the top k of the softmax: far below the best, probabilities are all 0, and tie.

    Softmax keeps the order, but float32 does not keep e^-200. Choose by the logits themselves.
    """
    routing = simulate_topk_routing(logits, top_k)
    probabilities = torch.softmax(logits.float(), dim=-1)
    chosen = probabilities.topk(top_k, dim=-1).indices
    tied = probabilities.topk(top_k, dim=-1).values == 0
    if not bool(tied.any()):
        return routing
    weights = torch.softmax(logits.float().gather(1, chosen), dim=-1)
    counts = torch.bincount(chosen.flatten(), minlength=logits.shape[1])
    return {
        **_with_weights({**routing, "top_indices": chosen}, weights),
        "expert_counts": dict(enumerate(counts.tolist())),
    }


@exercise.chaff(caught_by=worked_example)
def numpy_integers_as_keys(logits: torch.Tensor, top_k: int = 2) -> dict[str, Any]:
    """Uses NumPy integers as keys of the dicts. Keys that are experts are plain ints."""
    routing = simulate_topk_routing(logits, top_k)
    experts = np.arange(logits.shape[1])
    keys = ("expert_counts", "expert_weight_sums")
    return {**routing, **{key: dict(zip(experts, routing[key].values())) for key in keys}}


@exercise.chaff(caught_by=many_tokens)
def loops_over_the_tokens(logits: torch.Tensor, top_k: int = 2) -> dict[str, Any]:
    """Goes through the tokens one by one: right for a few, far too slow for very many."""
    routing = simulate_topk_routing(logits, top_k)
    rows = [torch.softmax(row.float().topk(top_k).values, dim=0) for row in logits]
    return {**routing, "routing_weights": torch.stack(rows)}


@exercise.chaff(caught_by=wrong_arguments)
def cuts_top_k_down(logits: torch.Tensor, top_k: int = 2) -> dict[str, Any]:
    """Silently uses E experts where more were asked for. That is a ValueError."""
    return simulate_topk_routing(logits, min(top_k, logits.shape[1]))


@exercise.chaff(caught_by=wrong_arguments)
def accepts_no_tokens(logits: torch.Tensor, top_k: int = 2) -> dict[str, Any]:
    """Returns an empty dict for no tokens. That is a ValueError."""
    return simulate_topk_routing(logits, top_k) if len(logits) else {}


@exercise.chaff(caught_by=wrong_arguments)
def changes_the_logits(logits: torch.Tensor, top_k: int = 2) -> dict[str, Any]:
    """Masks each chosen expert with -inf in the caller's own logits. Work on a copy."""
    routing = simulate_topk_routing(logits, top_k)
    logits.scatter_(1, routing["top_indices"], float("-inf"))
    return routing


@exercise.chaff(caught_by=many_tokens)
def counts_in_the_logits_dtype(logits: torch.Tensor, top_k: int = 2) -> dict[str, Any]:
    """Counts in a tensor of the logits' dtype: in bfloat16, 256 + 1 is 256, so counts stick there.

    Count in int64.
    """
    routing = simulate_topk_routing(logits, top_k)
    exact = torch.tensor(list(routing["expert_counts"].values()))
    largest = {torch.bfloat16: 2**8, torch.float16: 2**11}.get(logits.dtype, 2**24)
    return {**routing, "expert_counts": dict(enumerate(exact.clamp(max=largest).tolist()))}


@exercise.chaff(caught_by=worked_example)
def lists_instead_of_tensors(logits: torch.Tensor, top_k: int = 2) -> dict[str, Any]:
    """Returns Python lists where tensors were asked for (`.tolist()`)."""
    routing = simulate_topk_routing(logits, top_k)
    return {
        **routing,
        "top_indices": routing["top_indices"].tolist(),
        "routing_weights": routing["routing_weights"].tolist(),
    }


def _with_weights(routing: dict[str, Any], weights: torch.Tensor) -> dict[str, Any]:
    """A routing with other weights, and everything that follows from them."""
    experts = len(routing["expert_counts"])
    slots = routing["top_indices"].flatten()
    sums = torch.bincount(slots, weights=weights.flatten().double(), minlength=experts)
    first = weights[:, 0]
    return {
        **routing,
        "routing_weights": weights,
        "expert_weight_sums": dict(enumerate(sums.tolist())),
        "mean_first_expert_weight": first.mean().item(),
        "std_first_expert_weight": first.std().item() if len(first) > 1 else 0.0,
    }
