"""The checks of `token_traffic`."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from autograder import given
from autograder.authoring.given import Given
from moelab_kit import Answer
from moelab_kit.compare import difference
from reference.moe_training_and_serving.token_traffic import exercise


@exercise.law(points=1.5, proves=("copies", "slots", "fan-out", "across-nodes", "numbers"))
def two_nodes_of_two(answer: Answer, rng: np.random.Generator) -> None:
    """Four kinds of tokens on two nodes of two devices each."""
    a, b, c, d = (int(times) for times in rng.integers(2, 60, size=4))
    name = torch.from_numpy(rng.permutation(6))
    placement = torch.empty(6, dtype=torch.int64)
    placement[name] = torch.tensor([0, 0, 1, 2, 3, 3])
    experts = name[torch.tensor([[0, 1, 3], [4, 5, 2], [3, 4, 1], [3, 4, 5]])]
    times = torch.tensor([a, b, c, d])
    order = torch.from_numpy(rng.permutation(a + b + c + d))
    indices = experts.repeat_interleave(times, dim=0)[order]
    sources = torch.tensor([0, 2, 1, 3]).repeat_interleave(times)[order]
    traffic = answer(indices, placement, sources, 4, 2)
    assert isinstance(traffic, dict), f"asked for a dict, got {type(traffic).__name__}"
    tokens = a + b + c + d
    expected = {
        "copies": torch.tensor([[0, 0, a, 0], [c, 0, c, c], [0, b, 0, b], [0, 0, d, 0]]),
        "slots": torch.tensor([2 * a + c, b, a + c + d, 2 * b + c + 2 * d]),
        "fan_out": (2 * a + 2 * b + 3 * c + 2 * d) / tokens,
        "across_nodes": a + b + c,
    }
    wrong = difference(traffic, expected)
    assert not wrong, (
        f"{a} tokens of device 0 have experts on devices 0, 0 and 2; {b} tokens of device 2 on 3, "
        f"3 and 1; {c} tokens of device 1 on 2, 3 and 0; {d} tokens of device 3 on 2, 3 and 3. "
        f"Devices 0 and 1 are one node, 2 and 3 the other. Asked for is {expected}; {wrong}. "
        f"Got {traffic}"
    )


@exercise.agrees(points=2, proves=("copies", "slots", "fan-out", "across-nodes", "idle"))
def random_routings(rng: np.random.Generator) -> Iterator[Given]:
    """Agrees with the reference on random routings, where every device is a node of its own."""
    for tokens, experts, top_k, devices in ((12, 6, 2, 3), (25, 16, 4, 8), (30, 8, 1, 4)):
        yield given(*_case(rng, tokens, experts, top_k, devices), devices)
    indices, placement, sources = _case(rng, 15, 6, 3, 4)
    yield given(indices, placement, sources, num_devices=7)  # devices 4, 5 and 6 are idle
    yield given(indices, placement + 3, sources, 8)


@exercise.agrees(points=1.5, proves="across-nodes")
def nodes_of_all_sizes(rng: np.random.Generator) -> Iterator[Given]:
    """Agrees with the reference for all sizes of the nodes."""
    for size in (1, 2, 3, 4, 6, 12):
        yield given(*_case(rng, 20, 24, 5, 12), 12, size)
    yield given(*_case(rng, 20, 24, 8, 12), num_devices=12, node_size=3)


@exercise.law(points=1, proves=("idle", "fan-out", "unchanged", "inputs"), hidden=True)
def nobody_travels(answer: Answer, rng: np.random.Generator) -> None:
    """On one device nothing travels, and without tokens there is nothing; inputs stay."""
    indices, placement, sources = _case(rng, 9, 6, 2, 3)
    alone = {
        "copies": torch.zeros(1, 1, dtype=torch.int64),
        "slots": torch.tensor([18]),
        "fan_out": 1.0,
        "across_nodes": 0,
    }
    traffic = answer(indices, torch.zeros_like(placement), torch.zeros_like(sources), 1)
    wrong = difference(traffic, alone)
    assert not wrong, f"on a single device, {wrong}"
    assert not answer.left_behind, f"the call left something behind: {answer.left_behind}"
    scattered = answer(indices, placement, sources, 3, 3)
    wrong = difference(scattered, {"slots": torch.bincount(placement[indices].flatten())})
    assert not wrong, f"every slot is computed on the device of its expert; {wrong}"
    assert not answer.left_behind, f"the call left something behind: {answer.left_behind}"
    nothing = {
        "copies": torch.zeros(4, 4, dtype=torch.int64),
        "slots": torch.zeros(4, dtype=torch.int64),
        "fan_out": 0.0,
        "across_nodes": 0,
    }
    for size in (1, 2):
        traffic = answer(indices[:0].clone(), placement, sources[:0].clone(), 4, size)
        wrong = difference(traffic, nothing)
        assert not wrong, f"for no tokens, {wrong}"


@exercise.law(points=1, proves="wrong-arguments", hidden=True)
def wrong_arguments(answer: Answer, rng: np.random.Generator) -> None:
    """ValueError for devices that do not exist and for nodes that do not fit."""
    indices = torch.tensor([[0, 1], [1, 2], [2, 0]])
    placement = torch.tensor([0, 2, 3, 1])
    sources = torch.tensor([0, *rng.permutation([1, 2])])
    right = torch.tensor([2, 0, 2, 2])
    wrong = difference(answer(indices, placement, sources, 4, 2), {"slots": right})
    assert not wrong, f"each device computes the slots of its own experts; {wrong}"
    for device in (-1, 4, 100):
        for place in (1, 3):  # expert 3 is used by no token
            moved = placement.clone()
            moved[place] = device
            assert answer.raises(ValueError, indices, moved, sources, 4), (
                "an expert on a device outside 0..D−1 was accepted; it should be a ValueError"
            )
        assert answer.raises(ValueError, indices[:0].clone(), placement + device, sources[:0], 4), (
            "without tokens, an expert on a device outside 0..D−1 was accepted; it should be a "
            "ValueError"
        )
        moved = sources.clone()
        moved[1] = device
        assert answer.raises(ValueError, indices, placement, moved, 4), (
            "a token on a device outside 0..D−1 was accepted; it should be a ValueError"
        )
    for size in (3, 0, -1, -2, 8):
        assert answer.raises(ValueError, indices, placement, sources, 4, size), (
            "a node size that is below 1 or does not divide D was accepted; it should be a "
            "ValueError"
        )
    for devices in (0, -1, -4):
        assert answer.raises(ValueError, indices, placement, sources, devices), (
            "fewer than one device were accepted; they should be a ValueError"
        )


def _case(
    rng: np.random.Generator, tokens: int, experts: int, top_k: int, devices: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Distinct experts for each token, the first ones much liked; every device holds experts."""
    liking = np.linspace(1.0, -1.0, experts) + rng.gumbel(size=(tokens, experts))
    indices = rng.permuted(np.argsort(-liking, axis=1)[:, :top_k], axis=1)
    placement = rng.permutation(np.arange(experts) % devices)
    sources = rng.integers(0, devices, size=tokens)
    return torch.from_numpy(indices), torch.from_numpy(placement), torch.from_numpy(sources)
