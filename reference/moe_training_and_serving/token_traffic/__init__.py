r"""# What routing costs on the wire

A large model's experts live on many devices. A token is computed where its sequence is, so it has
to travel to the devices of its experts and back, in every MoE layer. That *all-to-all* is often
what a serving system waits for, and it depends on routing: a token whose experts are neighbours
travels once, one whose experts are scattered travels eight times. Between the devices of one *node*
the links are fast, between nodes they are several times slower. DeepSeek-V3 therefore lets a
token's experts be on at most 4 nodes: that is what the groups of `route` are for.

Device d is on node d // `node_size`; with `node_size=1` every device is a node of its own.

Write `token_traffic(indices, placement, sources, num_devices, node_size=1)` for routing decisions
`indices` ([T, k]), the device of each expert, `placement` ([E]), and the device of each token,
`sources` ([T]), all int64. With D = `num_devices`, it returns a dict:

- [copies] `copies`: int64 tensor [D, D]. Entry (a, b) is the number of tokens of device a that have
  at least one expert on device b: one copy of a token serves all its experts there. The diagonal
  is 0, because a token that stays travels nowhere.
- [slots] `slots`: int64 tensor [D]: the routing slots that are computed on each device, those of
  its own tokens included.
- [fan-out] `fan_out`: the number of different devices that hold a token's experts, averaged over
  the tokens, as a number. The token's own device counts if it holds one of them. 0.0 for T = 0.
- [across-nodes] `across_nodes`: for each token, the nodes other than its own that hold at least one
  of its experts, added up over the tokens (an int).

What else holds:

- [idle] A device may hold no expert, no token, or neither; T may be 0.
- [wrong-arguments] `ValueError` for a device outside 0..D − 1 in `placement` (also for an expert
  that no token uses) or in `sources`, for D < 1, and for a `node_size` that is below 1 or does not
  divide D.
- [unchanged] The inputs are not changed.

Source: DeepSeek-AI, [*DeepSeek-V3 Technical Report*](https://arxiv.org/abs/2412.19437) (2024),
sections 2.1.2 (node-limited routing) and 3.2.2 (one copy per node, then on to the devices there).
"""

from __future__ import annotations

from typing import Any

import torch

from autograder import Effort, Exercise

exercise = Exercise("token_traffic", effort=Effort(difficulty=2, importance=4, minutes=25))


@exercise.solution
def token_traffic(
    indices: torch.Tensor,
    placement: torch.Tensor,
    sources: torch.Tensor,
    num_devices: int,
    node_size: int = 1,
) -> dict[str, Any]:
    """Count what expert parallelism sends between devices, and what each of them computes.

    `indices` is [T, k], `placement` [E], `sources` [T]. The keys are `copies` ([D, D], int64),
    `slots` ([D], int64), and the numbers `fan_out` and `across_nodes`. Raises `ValueError` for a
    device outside 0..D−1, D < 1, and a `node_size` that is below 1 or does not divide D.
    """
    if num_devices < 1:
        raise ValueError(f"num_devices is {num_devices}; it must be at least 1")
    if node_size < 1 or num_devices % node_size:
        raise ValueError(f"node_size is {node_size}; it must divide {num_devices}")
    for devices in (placement, sources):
        if bool(((devices < 0) | (devices >= num_devices)).any()):
            raise ValueError(f"placement and sources must hold devices 0..{num_devices - 1}")
    tokens = len(indices)
    held_by = placement[indices]
    visits = torch.zeros(tokens, num_devices, dtype=torch.int64, device=indices.device)
    visits.scatter_(1, held_by, 1)
    copies = torch.zeros(num_devices, num_devices, dtype=torch.int64, device=indices.device)
    copies.index_add_(0, sources, visits).fill_diagonal_(0)
    nodes = visits.reshape(tokens, num_devices // node_size, node_size).amax(dim=2)
    nodes.scatter_(1, (sources // node_size).unsqueeze(1), 0)
    return {
        "copies": copies,
        "slots": torch.bincount(held_by.flatten(), minlength=num_devices),
        "fan_out": int(visits.sum()) / tokens if tokens else 0.0,
        "across_nodes": int(nodes.sum()),
    }
