"""Further correct solutions of `place_experts`, and known-wrong ones."""

from __future__ import annotations

import heapq
import math
from fractions import Fraction
from typing import Any

import numpy as np
import torch

from reference.moe_training_and_serving.place_experts import exercise, place_experts
from reference.moe_training_and_serving.place_experts.checks import (
    eight_experts,
    equal_loads,
    nearly_equal_loads,
    no_load_and_wrong_arguments,
    random_loads,
    twice_on_one_device,
)


@exercise.wheat
def exactly_with_heaps(loads: torch.Tensor, num_devices: int, num_replicas: int) -> dict[str, Any]:
    """Fractions instead of floats, and a heap for each of the two steps."""
    exact = [Fraction(load) for load in loads.tolist()]
    if num_devices < 1 or num_replicas % num_devices != 0 or num_replicas < len(exact):
        raise ValueError("these numbers do not fit")
    if any(load < 0 for load in exact):
        raise ValueError("negative load")
    replicas = [1] * len(exact)
    wanting = [(-load, e) for e, load in enumerate(exact)]
    heapq.heapify(wanting)
    for _ in range(num_replicas - len(exact)):
        _, e = wanting[0]
        replicas[e] += 1
        heapq.heapreplace(wanting, (-exact[e] / replicas[e], e))
    each = [load / n for load, n in zip(exact, replicas, strict=True)]
    devices = [(Fraction(0), d) for d in range(num_devices)]
    held: list[list[int]] = [[] for _ in devices]
    total = [Fraction(0)] * num_devices
    for e in sorted(range(len(exact)), key=lambda e: (-each[e], e)):
        for _ in range(replicas[e]):
            weight, d = heapq.heappop(devices)
            held[d].append(e)
            total[d] = weight + each[e]
            if len(held[d]) * num_devices < num_replicas:
                heapq.heappush(devices, (total[d], d))
    mean = sum(total) / num_devices
    return {
        "replicas": torch.tensor(replicas),
        "device_experts": torch.tensor([sorted(row) for row in held]),
        "device_load": torch.tensor([float(weight) for weight in total]),
        "balancedness": float(mean / max(total)) if mean else 1,
    }


@exercise.wheat
def in_numpy(loads: torch.Tensor, num_devices: int, num_replicas: int) -> dict[str, Any]:
    """NumPy: full devices weigh infinitely much, and rows are filled in an array."""
    weight = loads.numpy().astype(np.float64)
    if num_devices <= 0 or (weight < 0).any():
        raise ValueError("impossible")
    if num_replicas < weight.size or num_replicas % num_devices:
        raise ValueError("impossible number of replicas")
    replicas = np.ones(weight.size, dtype=np.int64)
    while replicas.sum() < num_replicas:
        replicas[np.argmax(weight / replicas)] += 1
    every = np.repeat(np.arange(weight.size), replicas)
    share = np.repeat(weight / replicas, replicas)
    order = np.lexsort((every, -share))
    room = num_replicas // num_devices
    table = np.zeros((num_devices, room), dtype=np.int64)
    filled = np.zeros(num_devices, dtype=np.int64)
    load = np.zeros(num_devices)
    for expert, one in zip(every[order], share[order], strict=True):
        device = np.argmin(np.where(filled < room, load, np.inf))
        table[device, filled[device]] = expert
        filled[device] += 1
        load[device] += one
    return {
        "replicas": torch.from_numpy(replicas),
        "device_experts": torch.from_numpy(np.sort(table, axis=1)),
        "device_load": torch.from_numpy(load.astype(np.float32)),
        "balancedness": load.mean() / load.max() if load.any() else np.float64(1.0),
    }


def _refuse(loads: torch.Tensor, num_devices: int, num_replicas: int) -> None:
    """The right errors for wrong arguments."""
    place_experts(loads, num_devices, num_replicas)


def _packed(
    loads: torch.Tensor, replicas: torch.Tensor, order: list[int], num_devices: int,
    *, by_weight: bool = True, last: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """Replicas in this order on the device with the least weight, or on one after the other."""
    each = loads.double() / replicas
    held: list[list[int]] = [[] for _ in range(num_devices)]
    weight = [0.0] * num_devices
    for turn, expert in enumerate(order):
        free = [d for d in range(num_devices) if len(held[d]) < len(order) // num_devices]
        free = free[::-1] if last else free
        device = min(free, key=weight.__getitem__) if by_weight else turn % num_devices
        held[device].append(expert)
        weight[device] += float(each[expert])
    return {
        "replicas": replicas,
        "device_experts": torch.tensor([sorted(row) for row in held]),
        "device_load": torch.tensor(weight),
        "balancedness": sum(weight) / num_devices / max(weight) if max(weight) else 1.0,
    }


def _heaviest_first(loads: torch.Tensor, replicas: torch.Tensor) -> list[int]:
    """The experts of all replicas, the heaviest first, the lower of equals first."""
    order = (loads.double() / replicas).argsort(descending=True, stable=True)
    found: list[int] = order.repeat_interleave(replicas[order]).tolist()
    return found


@exercise.chaff(caught_by=eight_experts)
def by_the_whole_load(loads: torch.Tensor, num_devices: int, num_replicas: int) -> dict[str, Any]:
    """Gives every further replica to the expert with the largest load: divide by its replicas so
    far."""
    _refuse(loads, num_devices, num_replicas)
    replicas = torch.ones(len(loads), dtype=torch.int64)
    replicas[loads.argmax()] += num_replicas - len(loads)
    return _packed(loads, replicas, _heaviest_first(loads, replicas), num_devices)


@exercise.chaff(caught_by=eight_experts)
def most_loaded_experts_once(
    loads: torch.Tensor, num_devices: int, num_replicas: int
) -> dict[str, Any]:
    """Gives each of the most loaded experts one further replica, in turn. After each replica, look
    again which expert has the largest load per replica."""
    _refuse(loads, num_devices, num_replicas)
    order = loads.argsort(descending=True, stable=True).tolist()
    replicas = torch.ones(len(loads), dtype=torch.int64)
    for turn in range(num_replicas - len(loads)):
        replicas[order[turn % len(order)]] += 1
    return _packed(loads, replicas, _heaviest_first(loads, replicas), num_devices)


@exercise.chaff(caught_by=eight_experts)
def weighs_the_whole_load(
    loads: torch.Tensor, num_devices: int, num_replicas: int
) -> dict[str, Any]:
    """Lets every replica weigh the whole load of its expert; replicas share it."""
    right = place_experts(loads, num_devices, num_replicas)
    replicas = right["replicas"]
    whole = loads * replicas
    return _packed(whole, replicas, _heaviest_first(whole, replicas), num_devices)


@exercise.chaff(caught_by=eight_experts)
def one_device_after_the_other(
    loads: torch.Tensor, num_devices: int, num_replicas: int
) -> dict[str, Any]:
    """Deals the replicas out in turn, like cards. Each goes to the device with the least weight."""
    replicas = place_experts(loads, num_devices, num_replicas)["replicas"]
    order = _heaviest_first(loads, replicas)
    return _packed(loads, replicas, order, num_devices, by_weight=False)


@exercise.chaff(caught_by=eight_experts)
def in_the_order_of_experts(
    loads: torch.Tensor, num_devices: int, num_replicas: int
) -> dict[str, Any]:
    """Packs the replicas in the order of their experts: the heaviest comes first."""
    replicas = place_experts(loads, num_devices, num_replicas)["replicas"]
    order = torch.arange(len(loads)).repeat_interleave(replicas).tolist()
    return _packed(loads, replicas, order, num_devices)


@exercise.chaff(caught_by=eight_experts)
def devices_of_any_size(loads: torch.Tensor, num_devices: int, num_replicas: int) -> dict[str, Any]:
    """Lets a device take more than its full number while its weight is least."""
    right = place_experts(loads, num_devices, num_replicas)
    each = loads.double() / right["replicas"]
    weight = [0.0] * num_devices
    for expert in _heaviest_first(loads, right["replicas"]):
        weight[weight.index(min(weight))] += float(each[expert])
    load = torch.tensor(weight)
    even = float(load.mean() / load.max()) if load.any() else 1.0
    return {**right, "device_load": load, "balancedness": even}


@exercise.chaff(caught_by=twice_on_one_device)
def no_more_replicas_than_devices(
    loads: torch.Tensor, num_devices: int, num_replicas: int
) -> dict[str, Any]:
    """Gives no expert more replicas than there are devices; a device may hold several of one."""
    _refuse(loads, num_devices, num_replicas)
    replicas = torch.ones(len(loads), dtype=torch.int64)
    for _ in range(num_replicas - len(loads)):
        each = loads.double() / replicas
        if bool((replicas < num_devices).any()):
            each[replicas >= num_devices] = -1.0
        replicas[each.argmax()] += 1
    return _packed(loads, replicas, _heaviest_first(loads, replicas), num_devices)


@exercise.chaff(caught_by=eight_experts)
def rows_in_the_order_of_packing(
    loads: torch.Tensor, num_devices: int, num_replicas: int
) -> dict[str, Any]:
    """Leaves each row in the order of packing. The exercise asks for rows in ascending order."""
    right = place_experts(loads, num_devices, num_replicas)
    each = loads.double() / right["replicas"]
    rows = [
        sorted(row, key=lambda e: (-float(each[e]), e)) for row in right["device_experts"].tolist()
    ]
    return {**right, "device_experts": torch.tensor(rows)}


@exercise.chaff(caught_by=equal_loads)
def higher_expert_of_equals(
    loads: torch.Tensor, num_devices: int, num_replicas: int
) -> dict[str, Any]:
    """Gives the next replica to the higher of two experts with equal load per replica."""
    right = place_experts(loads.flip(0), num_devices, num_replicas)
    replicas = right["replicas"].flip(0)
    return _packed(loads, replicas, _heaviest_first(loads, replicas), num_devices)


@exercise.chaff(caught_by=equal_loads)
def unstable_order(loads: torch.Tensor, num_devices: int, num_replicas: int) -> dict[str, Any]:
    """Reverses an ascending order: among replicas of equal weight the higher expert then comes
    first. Sort in descending order with `stable=True`."""
    replicas = place_experts(loads, num_devices, num_replicas)["replicas"]
    order = (loads.double() / replicas).argsort(stable=True).flip(0)
    return _packed(loads, replicas, order.repeat_interleave(replicas[order]).tolist(), num_devices)


@exercise.chaff(caught_by=eight_experts)
def higher_device_of_equals(
    loads: torch.Tensor, num_devices: int, num_replicas: int
) -> dict[str, Any]:
    """Begins with the last device: among devices of equal weight the lower one comes first."""
    replicas = place_experts(loads, num_devices, num_replicas)["replicas"]
    return _packed(loads, replicas, _heaviest_first(loads, replicas), num_devices, last=True)


@exercise.chaff(caught_by=nearly_equal_loads)
def in_single_precision(loads: torch.Tensor, num_devices: int, num_replicas: int) -> dict[str, Any]:
    """Computes in float32, in which whole numbers above 2²⁴ are rounded: use float64."""
    return place_experts(loads.float(), num_devices, num_replicas)


@exercise.chaff(caught_by=eight_experts)
def largest_by_mean(loads: torch.Tensor, num_devices: int, num_replicas: int) -> dict[str, Any]:
    """Divides the largest load by the mean. The exercise asks for the mean by the largest."""
    right = place_experts(loads, num_devices, num_replicas)
    return {**right, "balancedness": 1 / right["balancedness"]}


@exercise.chaff(caught_by=eight_experts)
def least_by_largest(loads: torch.Tensor, num_devices: int, num_replicas: int) -> dict[str, Any]:
    """Divides the least load of a device by the largest; asked for is the mean by the largest."""
    right = place_experts(loads, num_devices, num_replicas)
    load = right["device_load"]
    return {**right, "balancedness": float(load.min() / load.max()) if load.any() else 1.0}


@exercise.chaff(caught_by=random_loads)
def whole_loads(loads: torch.Tensor, num_devices: int, num_replicas: int) -> dict[str, Any]:
    """Turns the loads into integers; they may be estimates with decimals."""
    return place_experts(loads.long(), num_devices, num_replicas)


@exercise.chaff(caught_by=no_load_and_wrong_arguments)
def nan_without_load(loads: torch.Tensor, num_devices: int, num_replicas: int) -> dict[str, Any]:
    """Divides 0 by 0 where all loads are 0."""
    right = place_experts(loads, num_devices, num_replicas)
    return right if loads.any() else {**right, "balancedness": math.nan}


@exercise.chaff(caught_by=no_load_and_wrong_arguments)
def fills_up(loads: torch.Tensor, num_devices: int, num_replicas: int) -> dict[str, Any]:
    """Rounds the number of replicas up to what fills the devices: it is a ValueError."""
    if num_devices > 0:
        num_replicas = math.ceil(num_replicas / num_devices) * num_devices
    return place_experts(loads, num_devices, num_replicas)


@exercise.chaff(caught_by=no_load_and_wrong_arguments)
def negative_loads(loads: torch.Tensor, num_devices: int, num_replicas: int) -> dict[str, Any]:
    """Accepts negative loads."""
    return place_experts(loads.clamp(min=0), num_devices, num_replicas)


@exercise.chaff(caught_by=no_load_and_wrong_arguments)
def as_many_devices_as_given(
    loads: torch.Tensor, num_devices: int, num_replicas: int
) -> dict[str, Any]:
    """Divides by the number of devices before it looks whether there is one."""
    if num_devices == 0:
        raise ZeroDivisionError("integer modulo by zero")
    return place_experts(loads, num_devices, num_replicas)


@exercise.chaff(caught_by=no_load_and_wrong_arguments)
def sorts_in_place(loads: torch.Tensor, num_devices: int, num_replicas: int) -> dict[str, Any]:
    """Sorts the caller's own `loads`: sort a copy."""
    right = place_experts(loads, num_devices, num_replicas)
    loads.copy_(loads.sort(descending=True).values)
    return right
