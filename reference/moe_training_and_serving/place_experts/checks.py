"""The checks of `place_experts`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import pairwise

import numpy as np
import torch

from autograder import given
from autograder.authoring.given import Given
from moelab_kit import Answer
from moelab_kit.compare import difference
from reference.moe_training_and_serving.place_experts import exercise

UNIT = 27_720  # 1 … 12 all divide it: multiples of it have whole loads per replica
APART = Fraction(1, 10**6)  # of the larger one: what loads that are not equal differ by


@exercise.law(
    points=1.5, proves=("replicas", "device-experts", "device-load", "balancedness", "numbers")
)
def eight_experts(answer: Answer, rng: np.random.Generator) -> None:
    """Eight experts on four devices, without and with replicas."""
    unit = int(rng.integers(2, 1000))
    name = torch.from_numpy(rng.permutation(8))
    loads = torch.empty(8, dtype=torch.int64)
    loads[name] = unit * torch.tensor([900, 500, 310, 100, 80, 60, 40, 20])
    for count, replicas, rows, load in (
        (8, [1] * 8, [[0, 7], [1, 6], [2, 5], [3, 4]], [920, 540, 370, 180]),
        (
            12,
            [3, 2, 2, 1, 1, 1, 1, 1],
            [[0, 2, 5], [0, 2, 6], [0, 3, 4], [1, 1, 7]],
            [515, 495, 480, 520],
        ),
    ):
        result = answer(loads, 4, count)
        assert isinstance(result, dict), f"asked for a dict, got {type(result).__name__}"
        right = torch.empty(8, dtype=torch.int64)
        right[name] = torch.tensor(replicas)
        each = loads.double() / right
        held = name[torch.tensor(rows)].sort(dim=1).values
        weights = unit * torch.tensor(load).double()
        expected = {
            "replicas": right,
            "device_experts": held,
            "device_load": weights.float(),
            "balancedness": float(weights.mean() / weights.max()),
        }
        wrong = difference(result, expected)
        assert not wrong, (
            f"for the loads {loads.tolist()}, 4 devices and {count} replicas, asked for is "
            f"{expected}; {wrong}. A replica weighs {each.tolist()}. Got {result}"
        )


@exercise.agrees(
    points=2,
    proves=(
        *("replicate", "pack", "zero-loads"),
        *("replicas", "device-experts", "device-load", "balancedness"),
    ),
)
def random_loads(rng: np.random.Generator) -> Iterator[Given]:
    """Agrees with the reference on random loads, whole and others."""
    for experts, devices, count in ((6, 4, 8), (13, 4, 16), (26, 8, 32), (10, 3, 12), (6, 5, 10)):
        yield given(_loads(rng, experts, devices, count), devices, count)
    for dtype in (torch.float32, torch.float64):
        loads = _loads(rng, 13, 4, 16, dtype)
        yield given(loads, num_devices=4, num_replicas=16)
    yield given(_loads(rng, 13, 4, 16, torch.float64) / 2**20, 4, 16)
    yield given(_loads(rng, 11, 2, 12, idle=1), 2, 12)


@exercise.agrees(points=1.5, proves=("replicate-ties", "pack-ties"))
def equal_loads(rng: np.random.Generator) -> Iterator[Given]:
    """Among equals the lower expert comes first, and the lower device."""
    for sizes, devices, count in (
        ([1] * 6, 3, 9),
        ([2, 1, 1, 2, 1, 1], 2, 8),
        ([3, 3, 6, 6, 1, 1, 2, 2], 4, 12),
        ([4, 1, 4, 1, 2, 2, 2, 0, 0, 4], 4, 16),
    ):
        loads = UNIT * torch.from_numpy(rng.permutation(sizes))
        yield given(loads, devices, count)
        yield given(loads.float(), devices, count)
    for _ in range(3):
        yield given(UNIT * torch.from_numpy(rng.integers(1, 4, size=12)), 4, 16)


@exercise.agrees(points=1, proves="exact")
def nearly_equal_loads(rng: np.random.Generator) -> Iterator[Given]:
    """Tells loads apart that are the same in float32."""
    for largest in (2**24 + 9, 2**31 + 9, 2**53 - 1):
        loads = largest - torch.from_numpy(rng.permutation(4))
        yield given(loads, 4, 4)
        yield given(loads, 2, 4)
        yield given(loads, 5, 5)
    close = torch.from_numpy(1 + rng.permutation(6) * 2.0**-40)
    yield given(close, 6, 6)
    yield given(close, 7, 7)


@exercise.agrees(points=1.5, proves=("device-experts", "replicas"))
def twice_on_one_device(rng: np.random.Generator) -> Iterator[Given]:
    """An expert may have replicas on all devices, and several on one; one device holds all."""
    popular = UNIT * torch.from_numpy(rng.permutation([50, 1, 1]))
    yield given(popular, 2, 6)
    yield given(popular, 3, 12)
    yield given(_loads(rng, 2, 4, 12), 4, 12)
    yield given(_loads(rng, 7, 1, 7), 1, 7)
    yield given(_loads(rng, 3, 1, 8), 1, 8)


@exercise.law(
    points=1.5, proves=("zero-loads", "balancedness", "wrong-arguments", "unchanged", "inputs"),
    hidden=True,
)  # fmt: skip
def no_load_and_wrong_arguments(answer: Answer, rng: np.random.Generator) -> None:
    """Without any load all is balanced; impossible numbers are a ValueError."""
    loads = torch.tensor([2, *rng.permutation([7, 5, 1])])
    order = loads.argsort(descending=True)
    held = torch.stack([order[[0, 3]], order[[1, 2]]]).sort(dim=1).values
    result = answer(loads, 2, 4)
    right = {"device_experts": held, "balancedness": 7.5 / 8}
    wrong = difference(result, right)
    assert not wrong, f"for four experts on two devices, {wrong}"
    assert not answer.left_behind, f"the call left something behind: {answer.left_behind}"
    for idle in (torch.zeros(3, dtype=torch.int64), torch.zeros(3)):
        nothing = {
            "replicas": torch.tensor([4, 1, 1]),
            "device_experts": torch.tensor([[0, 0, 0], [0, 1, 2]]),
            "device_load": torch.zeros(2),
            "balancedness": 1.0,
        }
        wrong = difference(answer(idle, 2, 6), nothing)
        assert not wrong, f"where all loads are 0, {wrong}"
    for devices, count in ((2, 2), (3, 3), (1, 3), (2, 5), (4, 6), (0, 4), (-1, 4), (-2, 4)):
        assert answer.raises(ValueError, loads, devices, count), (
            "fewer replicas than experts, replicas that do not fill the devices equally, or fewer "
            "than one device were accepted; they should be a ValueError"
        )
    for dtype in (torch.int64, torch.float32):
        negative = loads.to(dtype)
        negative[rng.integers(4)] = -1
        assert answer.raises(ValueError, negative, 2, 4), (
            "a negative load was accepted; it should be a ValueError"
        )


def _loads(
    rng: np.random.Generator,
    experts: int,
    devices: int,
    count: int,
    dtype: torch.dtype = torch.int64,
    idle: int = 0,
) -> torch.Tensor:
    """Skewed loads on which every decision is clear, in whatever precision from float64 on."""
    while True:
        drawn = torch.from_numpy(rng.lognormal(6.0, 1.2, size=experts))
        loads = (drawn.round() if dtype == torch.int64 else drawn).to(dtype)
        loads[torch.from_numpy(rng.permutation(experts)[:idle])] = 0
        if _is_clear([Fraction(load) for load in loads.tolist()], devices, count):
            return loads


def _is_clear(loads: Sequence[Fraction], devices: int, count: int) -> bool:
    """Whether nothing is nearly equal, in exact arithmetic, where the algorithm has to decide.

    Only devices that hold the same weights are equal, and replicas of one expert.
    """
    replicas = [1] * len(loads)
    for _ in range(count - len(loads)):
        each = [load / number for load, number in zip(loads, replicas, strict=True)]
        best = max(each)
        if any(best > other > best * (1 - APART) for other in each) or each.count(best) > 1:
            return False
        replicas[each.index(best)] += 1
    each = [load / number for load, number in zip(loads, replicas, strict=True)]
    order = sorted(each, reverse=True)
    if any(a - b < a * APART for a, b in pairwise(order)):
        return False
    held: list[list[Fraction]] = [[] for _ in range(devices)]
    for weight, number in sorted(zip(each, replicas, strict=True), reverse=True):
        for _ in range(number):
            free = [row for row in held if len(row) < count // devices]
            least = min(free, key=sum)
            for row in free:
                if row != least and sum(row) - sum(least) < APART * sum(row):
                    return False
            least.append(weight)
    return True
