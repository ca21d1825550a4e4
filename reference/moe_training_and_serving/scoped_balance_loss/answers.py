"""Further correct solutions of `scoped_balance_loss`, and known-wrong ones."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional

from reference.moe_training_and_serving.scoped_balance_loss import (
    checks,
    exercise,
    scoped_balance_loss,
)


@exercise.wheat
def group_by_group(
    logits: torch.Tensor, top_k: int, groups: torch.Tensor, scope: str = "global"
) -> torch.Tensor:
    """A loop over the groups, with counts in NumPy's float64."""
    if scope != "local" and scope != "global":
        raise ValueError("scope")
    if top_k < 1 or top_k > logits.shape[1]:
        raise ValueError("top_k")
    if list(groups.shape) != [logits.shape[0]]:
        raise ValueError("groups")
    ids = sorted(set(groups.tolist()) - {-1})
    if not ids:
        return torch.tensor(0.0)
    chosen = np.argsort(-logits.detach().double().numpy(), axis=1)[:, :top_k]

    def shares(members: np.ndarray) -> torch.Tensor:
        counts = np.bincount(chosen[members].ravel(), minlength=logits.shape[1])
        return torch.from_numpy(counts / counts.sum())

    everybody = groups.numpy() != -1
    losses = []
    for one in ids:
        members = groups.numpy() == one
        f = shares(members if scope == "local" else everybody)
        p = functional.softmax(logits[torch.from_numpy(members)].double(), dim=-1).mean(dim=0)
        losses.append(logits.shape[1] * (f * p).sum())
    return torch.stack(losses).mean().float()


@exercise.wheat
def token_by_token(
    logits: torch.Tensor, top_k: int, groups: torch.Tensor, scope: str = "global"
) -> torch.Tensor:
    """Dictionaries of counts, and one term per token and slot's expert."""
    if scope not in {"local", "global"}:
        raise ValueError(f"no such scope: {scope}")
    experts = logits.size(1)
    if not 0 < top_k <= experts:
        raise ValueError(f"no such top_k: {top_k}")
    if groups.dim() != 1 or groups.numel() != logits.size(0):
        raise ValueError("a group per token")
    size: dict[int, int] = {}
    load: dict[tuple[int, int], float] = {}
    real = [(t, g) for t, g in enumerate(groups.tolist()) if g >= 0]
    for t, g in real:
        size[g] = size.get(g, 0) + 1
        for e in logits[t].float().argsort(descending=True)[:top_k].tolist():
            load[g, e] = load.get((g, e), 0) + 1
    total = logits.new_zeros((), dtype=torch.float32)
    for t, g in real:
        probability = torch.softmax(logits[t].float(), dim=0)
        for e in range(experts):
            if scope == "local":
                f = load.get((g, e), 0) / (size[g] * top_k)
            else:
                f = sum(load.get((other, e), 0) for other in size) / (len(real) * top_k)
            total = total + experts * f * probability[e] / size[g] / len(size)
    return total


def _checked(logits: torch.Tensor, top_k: int, groups: torch.Tensor, scope: str) -> bool:
    """Raise where the exercise asks for it, and say whether a token is in a group."""
    scoped_balance_loss(logits.detach(), top_k, groups, scope)
    return bool((groups >= 0).any())


def _parts(logits: torch.Tensor, top_k: int, ids: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Sizes [G], counts of slots [G, E] and mean probabilities [G, E] of the groups, in order."""
    logits = logits.float()
    members = functional.one_hot(torch.unique(ids, return_inverse=True)[1]).float()
    slots = functional.one_hot(logits.topk(top_k).indices, logits.shape[1]).sum(1).float()
    sizes = members.sum(0)
    return sizes, members.T @ slots, members.T @ logits.softmax(-1) / sizes[:, None]


@exercise.chaff(caught_by=checks.random_groups)
def weighs_groups_by_size(
    logits: torch.Tensor, top_k: int, groups: torch.Tensor, scope: str = "global"
) -> torch.Tensor:
    """Averages over tokens, so that large groups count more. Every group counts once: take the
    mean over the groups."""
    if not _checked(logits, top_k, groups, scope):
        return torch.tensor(0.0)
    kept = logits[groups >= 0]
    sizes, counts, p = _parts(kept, top_k, groups[groups >= 0])
    if scope == "global":
        counts = counts.sum(0, keepdim=True).expand_as(counts)
    f = counts / counts.sum(1, keepdim=True)
    return logits.shape[1] * ((f * p).sum(1) * sizes / sizes.sum()).sum()


@exercise.chaff(caught_by=checks.random_groups)
def averages_the_shares(
    logits: torch.Tensor, top_k: int, groups: torch.Tensor, scope: str = "global"
) -> torch.Tensor:
    """Takes the mean of the groups' own shares for the global f. It is counted over all tokens, so
    that a large group has more of it."""
    if not _checked(logits, top_k, groups, scope) or scope == "local":
        return scoped_balance_loss(logits, top_k, groups, scope)
    _, counts, p = _parts(logits[groups >= 0], top_k, groups[groups >= 0])
    f = (counts / counts.sum(1, keepdim=True)).mean(0)
    return logits.shape[1] * (f * p.mean(0)).sum()


@exercise.chaff(caught_by=checks.random_groups)
def pools_the_probabilities(
    logits: torch.Tensor, top_k: int, groups: torch.Tensor, scope: str = "global"
) -> torch.Tensor:
    """Computes one loss over all tokens for the global scope. P is each group's own, and every
    group counts once."""
    if not _checked(logits, top_k, groups, scope) or scope == "local":
        return scoped_balance_loss(logits, top_k, groups, scope)
    return scoped_balance_loss(logits, top_k, groups.clamp(max=0))


@exercise.chaff(caught_by=checks.two_specialists)
def swaps_the_scopes(
    logits: torch.Tensor, top_k: int, groups: torch.Tensor, scope: str = "global"
) -> torch.Tensor:
    """Mixes up the scopes: with "local", a group's f is counted over its own tokens."""
    other = {"local": "global", "global": "local"}.get(scope, scope)
    return scoped_balance_loss(logits, top_k, groups, other)


@exercise.chaff(caught_by=checks.random_groups)
def local_by_default(
    logits: torch.Tensor, top_k: int, groups: torch.Tensor, scope: str = "local"
) -> torch.Tensor:
    """Takes "local" where no scope is given. The default is "global"."""
    return scoped_balance_loss(logits, top_k, groups, scope)


@exercise.chaff(caught_by=checks.one_group_is_the_switch_loss)
def shares_add_up_to_k(
    logits: torch.Tensor, top_k: int, groups: torch.Tensor, scope: str = "global"
) -> torch.Tensor:
    """Divides the counts by the number of tokens. Each token fills k slots: divide by them all, so
    that the shares add up to 1."""
    return top_k * scoped_balance_loss(logits, top_k, groups, scope)


@exercise.chaff(caught_by=checks.two_specialists)
def forgets_the_number_of_experts(
    logits: torch.Tensor, top_k: int, groups: torch.Tensor, scope: str = "global"
) -> torch.Tensor:
    """Leaves out the factor E, which makes the loss 1 for a uniform router of any size."""
    return scoped_balance_loss(logits, top_k, groups, scope) / logits.shape[1]


@exercise.chaff(caught_by=checks.random_groups)
def adds_the_groups_up(
    logits: torch.Tensor, top_k: int, groups: torch.Tensor, scope: str = "global"
) -> torch.Tensor:
    """Adds the groups' losses up. Take their mean, or the loss grows with the batch."""
    count = len(set(groups[groups >= 0].tolist()))
    return scoped_balance_loss(logits, top_k, groups, scope) * count


@exercise.chaff(caught_by=checks.gradient)
def cuts_the_gradient(
    logits: torch.Tensor, top_k: int, groups: torch.Tensor, scope: str = "global"
) -> torch.Tensor:
    """Returns the right value without a gradient, so that training would never feel this loss.

    Look for `.item()`, `.detach()`, `.numpy()` or `torch.no_grad()` on the way.
    """
    return scoped_balance_loss(logits.detach(), top_k, groups, scope)


@exercise.chaff(caught_by=checks.gradient)
def gradient_through_the_shares(
    logits: torch.Tensor, top_k: int, groups: torch.Tensor, scope: str = "global"
) -> torch.Tensor:
    """Lets a gradient flow through f as well (a straight-through estimate); f is a constant."""
    if not _checked(logits, top_k, groups, scope):
        return torch.tensor(0.0)
    _, counts, p = _parts(logits[groups >= 0], top_k, groups[groups >= 0])
    if scope == "global":
        counts = counts.sum(0, keepdim=True).expand_as(counts)
    f = counts / counts.sum(1, keepdim=True) + p - p.detach()
    return logits.shape[1] * (f * p).sum(1).mean()


@exercise.chaff(caught_by=checks.padding)
def padding_is_a_group(
    logits: torch.Tensor, top_k: int, groups: torch.Tensor, scope: str = "global"
) -> torch.Tensor:
    """Takes −1 for one more group. It marks padding, which is in no group."""
    if not _checked(logits, top_k, groups, scope):
        return torch.tensor(0.0)
    ids = torch.unique(groups, return_inverse=True)[1]
    return scoped_balance_loss(logits, top_k, ids, scope)


@exercise.chaff(caught_by=checks.padding)
def counts_padding_globally(
    logits: torch.Tensor, top_k: int, groups: torch.Tensor, scope: str = "global"
) -> torch.Tensor:
    """Counts the slots of padding in the global f. Padding is in no group, so it is not part of
    the batch."""
    if not _checked(logits, top_k, groups, scope) or scope == "local":
        return scoped_balance_loss(logits, top_k, groups, scope)
    chosen = logits.float().topk(top_k).indices
    f = torch.bincount(chosen.flatten(), minlength=logits.shape[1]) / chosen.numel()
    _, _, p = _parts(logits[groups >= 0], top_k, groups[groups >= 0])
    return logits.shape[1] * (f * p.mean(0)).sum()


@exercise.chaff(caught_by=checks.any_ids)
def ids_are_positions(
    logits: torch.Tensor, top_k: int, groups: torch.Tensor, scope: str = "global"
) -> torch.Tensor:
    """Makes a row for every number up to the largest id, empty groups included: the mean is then
    over groups that do not occur, and a very large id does not fit into memory."""
    value = scoped_balance_loss(logits, top_k, groups, scope)
    if not bool((groups >= 0).any()):
        return value
    rows = int(groups.max()) + 1
    if rows > 10**6:
        raise RuntimeError(f"not enough memory for {rows} groups")
    return value * len(set(groups[groups >= 0].tolist())) / rows


@exercise.chaff(caught_by=checks.any_ids)
def ids_as_floats(
    logits: torch.Tensor, top_k: int, groups: torch.Tensor, scope: str = "global"
) -> torch.Tensor:
    """Turns the ids into floats, in which large neighbours are one number: two groups become one.
    Keep them integers."""
    if not _checked(logits, top_k, groups, scope):
        return torch.tensor(0.0)
    ids = torch.unique(groups.double(), return_inverse=True)[1]
    ids = torch.where(groups < 0, -1, ids)
    return scoped_balance_loss(logits, top_k, ids, scope)


@exercise.chaff(caught_by=checks.random_groups)
def only_runs_of_one_group(
    logits: torch.Tensor, top_k: int, groups: torch.Tensor, scope: str = "global"
) -> torch.Tensor:
    """Begins a new group wherever the id changes (`unique_consecutive`). A group's tokens need not
    stand together."""
    if not _checked(logits, top_k, groups, scope):
        return torch.tensor(0.0)
    kept = groups >= 0
    runs = torch.full_like(groups, -1)
    runs[kept] = torch.unique_consecutive(groups[kept], return_inverse=True)[1]
    return scoped_balance_loss(logits, top_k, runs, scope)


@exercise.chaff(caught_by=checks.low_precision_and_large_logits)
def stays_in_half_precision(
    logits: torch.Tensor, top_k: int, groups: torch.Tensor, scope: str = "global"
) -> torch.Tensor:
    """Takes the softmax in the logits' own dtype. In bfloat16 that leaves two or three digits."""
    if logits.dtype == torch.float32 or not _checked(logits, top_k, groups, scope):
        return scoped_balance_loss(logits, top_k, groups, scope)
    coarse = torch.softmax(logits, dim=-1).float().log().nan_to_num(neginf=-1e4)
    return scoped_balance_loss(coarse, top_k, groups, scope)


@exercise.chaff(caught_by=checks.low_precision_and_large_logits)
def counts_by_probability(
    logits: torch.Tensor, top_k: int, groups: torch.Tensor, scope: str = "global"
) -> torch.Tensor:
    """Takes the top k of the softmax: far below the best, all probabilities are 0, and tie."""
    if not _checked(logits, top_k, groups, scope):
        return torch.tensor(0.0)
    p = logits.float().softmax(-1)
    if not bool((p[groups >= 0].topk(top_k).values == 0).any()):
        return scoped_balance_loss(logits, top_k, groups, scope)
    kept, ids = p[groups >= 0], groups[groups >= 0]
    _, _, mean = _parts(logits[groups >= 0], top_k, ids)
    _, counts, _ = _parts(kept, top_k, ids)
    if scope == "global":
        counts = counts.sum(0, keepdim=True).expand_as(counts)
    return logits.shape[1] * (counts / counts.sum(1, keepdim=True) * mean).sum(1).mean()


@exercise.chaff(caught_by=checks.no_token_and_wrong_arguments)
def nan_without_tokens(
    logits: torch.Tensor, top_k: int, groups: torch.Tensor, scope: str = "global"
) -> torch.Tensor:
    """Averages over no group at all, which gives NaN. Without a token the loss is 0.0."""
    return scoped_balance_loss(logits, top_k, groups, scope) / (groups >= 0).any().float()


@exercise.chaff(caught_by=checks.no_token_and_wrong_arguments)
def anything_else_is_global(
    logits: torch.Tensor, top_k: int, groups: torch.Tensor, scope: str = "global"
) -> torch.Tensor:
    """Takes every scope but "local" for "global". An unknown one is a ValueError."""
    known = "local" if scope == "local" else "global"
    return scoped_balance_loss(logits, top_k, groups, known)


@exercise.chaff(caught_by=checks.no_token_and_wrong_arguments)
def broadcasts_the_groups(
    logits: torch.Tensor, top_k: int, groups: torch.Tensor, scope: str = "global"
) -> torch.Tensor:
    """Accepts groups of another shape than [T]. That is a ValueError."""
    flat = groups.flatten()
    fitting = flat.repeat(len(logits) // max(len(flat), 1) + 1)[: len(logits)]
    return scoped_balance_loss(logits, top_k, fitting, scope)


@exercise.chaff(caught_by=checks.no_token_and_wrong_arguments)
def silences_padding_in_place(
    logits: torch.Tensor, top_k: int, groups: torch.Tensor, scope: str = "global"
) -> torch.Tensor:
    """Overwrites the padding's rows in the caller's own logits. Select the other rows instead."""
    loss = scoped_balance_loss(logits, top_k, groups, scope)
    if not logits.requires_grad:
        logits[groups < 0] = 0
    return loss
