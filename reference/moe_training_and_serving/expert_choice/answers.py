"""Further correct solutions of `expert_choice`, and known-wrong ones."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch

from reference.moe_training_and_serving.expert_choice import exercise, expert_choice
from reference.moe_training_and_serving.expert_choice.checks import (
    equal_tokens,
    five_tokens,
    no_tokens_and_wrong_arguments,
    padding,
    random_logits,
    sizes_of_the_choice,
)

Mask = torch.Tensor | None


@exercise.wheat
def expert_by_expert(
    logits: torch.Tensor, capacity_factor: float, token_mask: Mask = None
) -> dict[str, Any]:
    """Plain Python: lists of floats, and one sorted list of tokens for each expert."""
    if math.isnan(capacity_factor) or capacity_factor <= 0:
        raise ValueError("capacity_factor must be positive")
    num_experts = logits.shape[1]
    mask = [1] * len(logits) if token_mask is None else token_mask.tolist()
    scores: dict[int, list[float]] = {}
    for t, row in enumerate(logits.tolist()):
        if mask[t]:
            powers = [math.exp(z - max(row)) for z in row]
            scores[t] = [p / sum(powers) for p in powers]
    n = len(scores)
    if n == 0 or capacity_factor == math.inf:
        capacity = n
    else:
        capacity = min(n, math.ceil(n * capacity_factor / num_experts))
    chosen, weights = [], []
    taken = [0] * len(mask)
    for e in range(num_experts):
        best = sorted(scores, key=lambda t: (-scores[t][e], t))[:capacity]
        chosen.append(best)
        weights.append([scores[t][e] for t in best])
        for t in best:
            taken[t] += 1
    return {
        "chosen": torch.tensor(chosen, dtype=torch.int64),
        "weights": torch.tensor(weights),
        "experts_per_token": torch.tensor(taken, dtype=torch.int64),
        "unserved": sum(taken[t] == 0 for t in scores) / n if n else 0,
    }


@exercise.wheat
def pushes_padding_to_the_end(
    logits: torch.Tensor, capacity_factor: float, token_mask: Mask = None
) -> dict[str, Any]:
    """NumPy on the whole batch: padding gets the score −1, and ranks come from a stable sort."""
    if not capacity_factor > 0:
        raise ValueError("wrong factor")
    table = logits.float().numpy().astype(np.float64)
    tokens, experts = table.shape
    powers = np.exp(table - table.max(axis=1, keepdims=True))
    scores = powers / powers.sum(axis=1, keepdims=True)
    real = np.ones(tokens, dtype=bool)
    if token_mask is not None:
        real = token_mask.float().numpy() > 0.5
    n = np.count_nonzero(real)
    capacity = int(min(n, np.ceil(n * capacity_factor / experts))) if n else 0
    scores[~real] = -1.0
    order = np.argsort(-scores.T, axis=1, kind="stable")[:, :capacity]
    taken = np.zeros(tokens, dtype=np.int64)
    np.add.at(taken, order, 1)
    return {
        "chosen": torch.from_numpy(order.copy()),
        "weights": torch.from_numpy(np.take_along_axis(scores.T, order, axis=1)).float(),
        "experts_per_token": torch.from_numpy(taken),
        "unserved": np.mean(taken[real] == 0) if n else np.float32(0.0),
    }


def _with_capacity(capacity: float, *arguments: Any) -> dict[str, Any]:
    """The right answer for this many tokens per expert instead of the right number."""
    logits, capacity_factor, token_mask = arguments
    count = len(logits) if token_mask is None else int(token_mask.bool().sum())
    if count and 0 < capacity_factor < math.inf:
        capacity_factor = (capacity - 0.5) * logits.shape[1] / count
    return expert_choice(logits, capacity_factor, token_mask)


@exercise.chaff(caught_by=five_tokens)
def softmax_over_tokens(
    logits: torch.Tensor, capacity_factor: float, token_mask: Mask = None
) -> dict[str, Any]:
    """Takes the softmax over the tokens of each expert. It runs over the experts of each token,
    here as everywhere; only the choice is turned around."""
    result = expert_choice(logits, capacity_factor, token_mask)
    if result["chosen"].numel():
        over_tokens = logits.float().softmax(dim=0)
        result["weights"] = over_tokens.gather(0, result["chosen"].T).T
    return result


@exercise.chaff(caught_by=five_tokens)
def normalised_weights(
    logits: torch.Tensor, capacity_factor: float, token_mask: Mask = None
) -> dict[str, Any]:
    """Makes the weights of each expert add up to 1. The exercise asks for the scores as they
    are."""
    result = expert_choice(logits, capacity_factor, token_mask)
    weights = result["weights"]
    return {**result, "weights": weights / weights.sum(dim=1, keepdim=True)}


@exercise.chaff(caught_by=five_tokens)
def tokens_in_their_order(
    logits: torch.Tensor, capacity_factor: float, token_mask: Mask = None
) -> dict[str, Any]:
    """Lists the tokens of an expert by position. The exercise asks for the best one first."""
    result = expert_choice(logits, capacity_factor, token_mask)
    chosen, order = result["chosen"].sort(dim=1)
    return {**result, "chosen": chosen, "weights": result["weights"].gather(1, order)}


@exercise.chaff(caught_by=padding)
def chooses_padding(
    logits: torch.Tensor, capacity_factor: float, token_mask: Mask = None
) -> dict[str, Any]:
    """Ignores the mask: experts then spend their places on padding."""
    return expert_choice(logits, capacity_factor)


@exercise.chaff(caught_by=padding)
def capacity_of_all_tokens(
    logits: torch.Tensor, capacity_factor: float, token_mask: Mask = None
) -> dict[str, Any]:
    """Computes C from T, padding included; n is the number of real tokens."""
    tokens, experts = logits.shape
    room = tokens * capacity_factor / experts
    capacity = math.ceil(room) if math.isfinite(room) else room
    return _with_capacity(capacity, logits, capacity_factor, token_mask)


@exercise.chaff(caught_by=padding)
def positions_among_real_tokens(
    logits: torch.Tensor, capacity_factor: float, token_mask: Mask = None
) -> dict[str, Any]:
    """Drops the padding first and then names tokens by their place among the real ones."""
    result = expert_choice(logits, capacity_factor, token_mask)
    if token_mask is not None:
        place = token_mask.bool().cumsum(0) - 1
        result["chosen"] = place[result["chosen"]]
    return result


@exercise.chaff(caught_by=padding)
def padding_is_unserved(
    logits: torch.Tensor, capacity_factor: float, token_mask: Mask = None
) -> dict[str, Any]:
    """Counts padding among the tokens that no expert took."""
    result = expert_choice(logits, capacity_factor, token_mask)
    if result["chosen"].numel():
        result["unserved"] = float((result["experts_per_token"] == 0).float().mean())
    return result


@exercise.chaff(caught_by=padding)
def indexes_with_the_mask(
    logits: torch.Tensor, capacity_factor: float, token_mask: Mask = None
) -> dict[str, Any]:
    """Indexes with the mask as it comes: integers 0 and 1 then pick tokens 0 and 1."""
    if token_mask is None or token_mask.dtype in (torch.bool, torch.uint8) or not token_mask.any():
        return expert_choice(logits, capacity_factor, token_mask)
    return expert_choice(logits[token_mask.long()], capacity_factor)


@exercise.chaff(caught_by=padding)
def counts_in_the_masks_dtype(
    logits: torch.Tensor, capacity_factor: float, token_mask: Mask = None
) -> dict[str, Any]:
    """Adds the mask up in its own dtype: bfloat16 holds whole numbers to 256 only."""
    if token_mask is None or not token_mask.any() or math.isinf(capacity_factor):
        return expert_choice(logits, capacity_factor, token_mask)
    count = min(int(token_mask.sum()), len(logits))
    capacity = math.ceil(count * capacity_factor / logits.shape[1])
    return _with_capacity(capacity, logits, capacity_factor, token_mask)


@exercise.chaff(caught_by=five_tokens)
def rounds_down(
    logits: torch.Tensor, capacity_factor: float, token_mask: Mask = None
) -> dict[str, Any]:
    """Rounds C down (`int`, `//`). It is rounded up, so that every expert has at least one
    token."""
    result = expert_choice(logits, capacity_factor, token_mask)
    tokens, experts = result["chosen"].shape[1], logits.shape[1]
    count = len(logits) if token_mask is None else int(token_mask.bool().sum())
    room = count * capacity_factor / experts if count else 0.0
    if room >= tokens:
        return result
    kept = (
        expert_choice(logits, math.floor(room) * experts / count, token_mask) if room >= 1 else {}
    )
    nothing = {"chosen": result["chosen"][:, :0], "weights": result["weights"][:, :0]}
    return {**result, **nothing, **kept}


@exercise.chaff(caught_by=sizes_of_the_choice)
def divides_before_it_multiplies(
    logits: torch.Tensor, capacity_factor: float, token_mask: Mask = None
) -> dict[str, Any]:
    """Computes n / E · factor. Floats round, and another order can come out just above a whole
    number, which is rounded up to one token too many: multiply first."""
    count = len(logits) if token_mask is None else int(token_mask.bool().sum())
    room = count / logits.shape[1] * capacity_factor
    capacity = math.ceil(room) if math.isfinite(room) else room
    return _with_capacity(capacity, logits, capacity_factor, token_mask)


@exercise.chaff(caught_by=sizes_of_the_choice)
def rounds_twice(
    logits: torch.Tensor, capacity_factor: float, token_mask: Mask = None
) -> dict[str, Any]:
    """Rounds n / E up before the factor is applied. Multiply first, then round up once."""
    count = len(logits) if token_mask is None else int(token_mask.bool().sum())
    room = math.ceil(count / logits.shape[1]) * capacity_factor
    capacity = math.ceil(room) if math.isfinite(room) else room
    return _with_capacity(capacity, logits, capacity_factor, token_mask)


@exercise.chaff(caught_by=sizes_of_the_choice)
def more_places_than_tokens(
    logits: torch.Tensor, capacity_factor: float, token_mask: Mask = None
) -> dict[str, Any]:
    """Asks for C tokens where there are fewer: `topk` refuses that. C is at most n."""
    count = len(logits) if token_mask is None else int(token_mask.bool().sum())
    if count and count * capacity_factor / logits.shape[1] > count and capacity_factor < math.inf:
        raise RuntimeError("selected index k out of range")
    return expert_choice(logits, capacity_factor, token_mask)


@exercise.chaff(caught_by=sizes_of_the_choice)
def cannot_count_to_infinity(
    logits: torch.Tensor, capacity_factor: float, token_mask: Mask = None
) -> dict[str, Any]:
    """Rounds an infinite C up, which Python refuses with an OverflowError."""
    if capacity_factor > 0:
        math.ceil(len(logits) * capacity_factor / logits.shape[1])
    return expert_choice(logits, capacity_factor, token_mask)


@exercise.chaff(caught_by=equal_tokens)
def later_of_equal_tokens(
    logits: torch.Tensor, capacity_factor: float, token_mask: Mask = None
) -> dict[str, Any]:
    """Reverses an ascending order: among equal tokens the later one then comes first. Sort in
    descending order with `stable=True`; `topk` promises no order at all."""
    mask = None if token_mask is None else token_mask.flip(0)
    result = expert_choice(logits.flip(0), capacity_factor, mask)
    result["chosen"] = len(logits) - 1 - result["chosen"]
    result["experts_per_token"] = result["experts_per_token"].flip(0)
    return result


@exercise.chaff(caught_by=random_logits)
def softmax_in_half_precision(
    logits: torch.Tensor, capacity_factor: float, token_mask: Mask = None
) -> dict[str, Any]:
    """Takes the softmax in bfloat16, where different tokens get the same score."""
    scores = logits.softmax(dim=1).float()
    return expert_choice(scores.log() if logits.dtype != torch.float32 else logits, capacity_factor,
                         token_mask)  # fmt: skip


@exercise.chaff(caught_by=five_tokens)
def tokens_choose(
    logits: torch.Tensor, capacity_factor: float, token_mask: Mask = None
) -> dict[str, Any]:
    """Lets each token choose its best expert first, and experts choose among these tokens only:
    that is top-1 routing with a capacity."""
    own = logits.float().softmax(dim=1)
    best = own == own.max(dim=1, keepdim=True).values
    result = expert_choice(logits, capacity_factor, token_mask)
    won = best.gather(0, result["chosen"].T)
    kept = result["chosen"].T[won]
    result["experts_per_token"] = torch.bincount(kept, minlength=len(logits))
    return result


@exercise.chaff(caught_by=no_tokens_and_wrong_arguments)
def accepts_nan(
    logits: torch.Tensor, capacity_factor: float, token_mask: Mask = None
) -> dict[str, Any]:
    """Tests `capacity_factor <= 0`, which is false for NaN."""
    factor = 1.0 if math.isnan(capacity_factor) else capacity_factor
    return expert_choice(logits, factor, token_mask)


@exercise.chaff(caught_by=no_tokens_and_wrong_arguments)
def nan_without_tokens(
    logits: torch.Tensor, capacity_factor: float, token_mask: Mask = None
) -> dict[str, Any]:
    """Divides by n = 0 where there is no real token."""
    result = expert_choice(logits, capacity_factor, token_mask)
    empty = len(logits) == 0 or (token_mask is not None and not token_mask.any())
    return {**result, "unserved": math.nan} if empty else result


@exercise.chaff(caught_by=no_tokens_and_wrong_arguments)
def blots_padding_out(
    logits: torch.Tensor, capacity_factor: float, token_mask: Mask = None
) -> dict[str, Any]:
    """Overwrites the logits of padding in the caller's own tensor: work on a copy."""
    result = expert_choice(logits, capacity_factor, token_mask)
    if token_mask is not None:
        logits.masked_fill_(~token_mask.bool().unsqueeze(1), -1e9)
    return result
