"""Further correct solutions of `token_traffic`, and known-wrong ones."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import numpy as np
import torch

from reference.moe_training_and_serving.token_traffic import exercise, token_traffic
from reference.moe_training_and_serving.token_traffic.checks import (
    nobody_travels,
    nodes_of_all_sizes,
    random_routings,
    two_nodes_of_two,
    wrong_arguments,
)

Tensor = torch.Tensor


@exercise.wheat
def with_sets(
    indices: Tensor, placement: Tensor, sources: Tensor, num_devices: int, node_size: int = 1
) -> dict[str, Any]:
    """Plain Python: the set of devices of each token."""
    device_of, homes = placement.tolist(), sources.tolist()
    known = range(num_devices)
    if not known or any(device not in known for device in (*device_of, *homes)):
        raise ValueError("no such device")
    if node_size <= 0 or num_devices % node_size != 0:
        raise ValueError("nodes do not fit")
    sent: Counter[tuple[int, int]] = Counter()
    work: Counter[int] = Counter()
    visited, between = 0, 0
    for row, home in zip(indices.tolist(), homes, strict=True):
        devices = {device_of[e] for e in row}
        work.update(device_of[e] for e in row)
        sent.update((home, device) for device in devices - {home})
        visited += len(devices)
        between += len({d // node_size for d in devices} - {home // node_size})
    table = [[sent[a, b] for b in known] for a in known]
    return {
        "copies": torch.tensor(table),
        "slots": torch.tensor([work[d] for d in known]),
        "fan_out": visited / len(homes) if homes else 0,
        "across_nodes": between,
    }


@exercise.wheat
def in_numpy(
    indices: Tensor, placement: Tensor, sources: Tensor, num_devices: int, node_size: int = 1
) -> dict[str, Any]:
    """NumPy, with products of one-hot matrices."""
    place, home = placement.numpy(), sources.numpy()
    if num_devices < 1 or node_size < 1 or num_devices % node_size > 0:
        raise ValueError("impossible sizes")
    for devices in (place, home):
        if devices.size and (devices.min() < 0 or devices.max() > num_devices - 1):
            raise ValueError("no such device")
    eye = np.eye(num_devices, dtype=np.int64)
    slots = eye[place[indices.numpy()]]  # [T, k, D]
    there = slots.max(axis=1)
    copies = eye[home].T @ there
    np.fill_diagonal(copies, 0)
    to_node = np.kron(np.eye(num_devices // node_size, dtype=np.int64), np.ones((node_size, 1)))
    nodes = (there @ to_node > 0) & (eye[home] @ to_node == 0)
    return {
        "copies": torch.from_numpy(copies),
        "slots": torch.from_numpy(slots.sum(axis=(0, 1))),
        "fan_out": np.float64(there.sum()) / max(len(home), 1),
        "across_nodes": nodes.sum(),
    }


def _visits(indices: Tensor, placement: Tensor, num_devices: int) -> Tensor:
    """How many experts of each token each device holds, [T, D]."""
    return torch.nn.functional.one_hot(placement[indices], num_devices).sum(dim=1)


@exercise.chaff(caught_by=two_nodes_of_two)
def one_copy_per_expert(
    indices: Tensor, placement: Tensor, sources: Tensor, num_devices: int, node_size: int = 1
) -> dict[str, Any]:
    """Sends a token once for each expert: one copy serves all its experts on a device."""
    traffic = token_traffic(indices, placement, sources, num_devices, node_size)
    copies = torch.zeros(num_devices, num_devices, dtype=torch.int64)
    copies.index_add_(0, sources, _visits(indices, placement, num_devices)).fill_diagonal_(0)
    return {**traffic, "copies": copies}


@exercise.chaff(caught_by=two_nodes_of_two)
def tokens_that_stay(
    indices: Tensor, placement: Tensor, sources: Tensor, num_devices: int, node_size: int = 1
) -> dict[str, Any]:
    """Leaves the diagonal of `copies` in: a token that stays travels nowhere."""
    traffic = token_traffic(indices, placement, sources, num_devices, node_size)
    copies = torch.zeros(num_devices, num_devices, dtype=torch.int64)
    copies.index_add_(0, sources, _visits(indices, placement, num_devices).clamp(max=1))
    return {**traffic, "copies": copies}


@exercise.chaff(caught_by=two_nodes_of_two)
def from_expert_to_token(
    indices: Tensor, placement: Tensor, sources: Tensor, num_devices: int, node_size: int = 1
) -> dict[str, Any]:
    """Turns `copies` around: the row is the device that a token comes from."""
    traffic = token_traffic(indices, placement, sources, num_devices, node_size)
    return {**traffic, "copies": traffic["copies"].T.contiguous()}


@exercise.chaff(caught_by=two_nodes_of_two)
def tokens_instead_of_slots(
    indices: Tensor, placement: Tensor, sources: Tensor, num_devices: int, node_size: int = 1
) -> dict[str, Any]:
    """Counts tokens in `slots`: a token with two experts on a device is computed there twice."""
    traffic = token_traffic(indices, placement, sources, num_devices, node_size)
    visits = _visits(indices, placement, num_devices).clamp(max=1)
    return {**traffic, "slots": visits.sum(dim=0)}


@exercise.chaff(caught_by=two_nodes_of_two)
def slots_from_elsewhere(
    indices: Tensor, placement: Tensor, sources: Tensor, num_devices: int, node_size: int = 1
) -> dict[str, Any]:
    """Counts only slots of tokens that come from other devices; a device's own are work, too."""
    traffic = token_traffic(indices, placement, sources, num_devices, node_size)
    away = _visits(indices, placement, num_devices).scatter(1, sources.unsqueeze(1), 0)
    return {**traffic, "slots": away.sum(dim=0)}


@exercise.chaff(caught_by=two_nodes_of_two)
def fan_out_to_other_devices(
    indices: Tensor, placement: Tensor, sources: Tensor, num_devices: int, node_size: int = 1
) -> dict[str, Any]:
    """Leaves a token's own device out of `fan_out`; it counts where it holds an expert."""
    traffic = token_traffic(indices, placement, sources, num_devices, node_size)
    return {**traffic, "fan_out": float(traffic["copies"].sum()) / max(len(indices), 1)}


@exercise.chaff(caught_by=two_nodes_of_two)
def every_device_is_a_node(
    indices: Tensor, placement: Tensor, sources: Tensor, num_devices: int, node_size: int = 1
) -> dict[str, Any]:
    """Ignores `node_size`: other devices on the token's own node are not across."""
    traffic = token_traffic(indices, placement, sources, num_devices, node_size)
    return {**traffic, "across_nodes": int(traffic["copies"].sum())}


@exercise.chaff(caught_by=nodes_of_all_sizes)
def copies_across_nodes(
    indices: Tensor, placement: Tensor, sources: Tensor, num_devices: int, node_size: int = 1
) -> dict[str, Any]:
    """Counts devices on other nodes. The exercise asks for nodes, which hold several devices."""
    traffic = token_traffic(indices, placement, sources, num_devices, node_size)
    node = torch.arange(num_devices) // node_size
    across = node.unsqueeze(0) != node.unsqueeze(1)
    return {**traffic, "across_nodes": int(traffic["copies"][across].sum())}


@exercise.chaff(caught_by=nodes_of_all_sizes)
def tokens_that_leave_their_node(
    indices: Tensor, placement: Tensor, sources: Tensor, num_devices: int, node_size: int = 1
) -> dict[str, Any]:
    """Counts a token once in `across_nodes`, however many other nodes it has to reach."""
    traffic = token_traffic(indices, placement, sources, num_devices, node_size)
    leaves = (placement[indices] // node_size != (sources // node_size).unsqueeze(1)).any(dim=1)
    return {**traffic, "across_nodes": int(leaves.sum())}


@exercise.chaff(caught_by=two_nodes_of_two)
def the_own_node_counts(
    indices: Tensor, placement: Tensor, sources: Tensor, num_devices: int, node_size: int = 1
) -> dict[str, Any]:
    """Counts a token's own node in `across_nodes`, to which nothing has to cross."""
    traffic = token_traffic(indices, placement, sources, num_devices, node_size)
    nodes = _visits(indices, placement // node_size, num_devices).clamp(max=1)
    return {**traffic, "across_nodes": int(nodes.sum())}


@exercise.chaff(caught_by=two_nodes_of_two)
def devices_dealt_to_the_nodes(
    indices: Tensor, placement: Tensor, sources: Tensor, num_devices: int, node_size: int = 1
) -> dict[str, Any]:
    """Takes d % node_size for the node of device d: that is its place within the node."""
    traffic = token_traffic(indices, placement, sources, num_devices, node_size)
    if node_size > 1:
        node = _visits(indices, placement % node_size, num_devices).clamp(max=1)
        node = node.scatter(1, (sources % node_size).unsqueeze(1), 0)
        traffic["across_nodes"] = int(node.sum())
    return traffic


@exercise.chaff(caught_by=random_routings)
def devices_that_are_used(
    indices: Tensor, placement: Tensor, sources: Tensor, num_devices: int, node_size: int = 1
) -> dict[str, Any]:
    """Lets `bincount` decide how many devices there are; the last ones may be idle."""
    traffic = token_traffic(indices, placement, sources, num_devices, node_size)
    if len(indices):
        traffic["slots"] = torch.bincount(placement[indices].flatten())
    return traffic


@exercise.chaff(caught_by=nobody_travels)
def nan_without_tokens(
    indices: Tensor, placement: Tensor, sources: Tensor, num_devices: int, node_size: int = 1
) -> dict[str, Any]:
    """Divides by T = 0 where there are no tokens."""
    traffic = token_traffic(indices, placement, sources, num_devices, node_size)
    return traffic if len(indices) else {**traffic, "fan_out": math.nan}


@exercise.chaff(caught_by=nobody_travels)
def turns_experts_into_devices(
    indices: Tensor, placement: Tensor, sources: Tensor, num_devices: int, node_size: int = 1
) -> dict[str, Any]:
    """Writes the devices into the caller's own `indices`."""
    traffic = token_traffic(indices, placement, sources, num_devices, node_size)
    indices.copy_(placement[indices])
    return traffic


@exercise.chaff(caught_by=wrong_arguments)
def negative_devices_from_the_end(
    indices: Tensor, placement: Tensor, sources: Tensor, num_devices: int, node_size: int = 1
) -> dict[str, Any]:
    """Lets -1 mean the last device, as indexing in Python does: here it is a ValueError."""
    placement = torch.where(placement < 0, placement + num_devices, placement)
    sources = torch.where(sources < 0, sources + num_devices, sources)
    return token_traffic(indices, placement, sources, num_devices, node_size)


@exercise.chaff(caught_by=wrong_arguments)
def looks_only_at_what_is_used(
    indices: Tensor, placement: Tensor, sources: Tensor, num_devices: int, node_size: int = 1
) -> dict[str, Any]:
    """Checks the devices of the experts that tokens use; a wrong placement is wrong anyway."""
    used = torch.zeros(len(placement), dtype=torch.bool)
    used[indices.flatten()] = True
    return token_traffic(indices, torch.where(used, placement, 0), sources, num_devices, node_size)


@exercise.chaff(caught_by=wrong_arguments)
def negative_nodes(
    indices: Tensor, placement: Tensor, sources: Tensor, num_devices: int, node_size: int = 1
) -> dict[str, Any]:
    """Tests only whether `node_size` divides D, which −1 does."""
    return token_traffic(indices, placement, sources, num_devices, abs(node_size))


@exercise.chaff(caught_by=wrong_arguments)
def cuts_the_last_node(
    indices: Tensor, placement: Tensor, sources: Tensor, num_devices: int, node_size: int = 1
) -> dict[str, Any]:
    """Accepts nodes that do not divide the devices, so that the last node is smaller."""
    size = node_size if node_size < 1 or num_devices % node_size == 0 else 1
    return token_traffic(indices, placement, sources, num_devices, size)
