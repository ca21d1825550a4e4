r"""# Which device gets which expert?

No router balances perfectly, and a device with a popular expert keeps all others waiting. A server
can repair after training what the router left: it measures the load of each expert, gives the
popular ones several *replicas*, and deals the replicas out so that all devices have about the same
to do. You write the balancer that DeepSeek published with its models, for one layer and with the
*global* policy, which looks at neither groups nor nodes.

Two greedy steps, both in double precision (float64):

1. [replicate] **Replicate.** Every expert has one replica. Then, `num_replicas` − E times, one more
   goes to the expert with the largest load per replica: its load divided by the replicas that it
   has so far.
2. [pack] **Pack.** A replica weighs the expert's load divided by its replicas. All replicas are
   dealt out, the heaviest first. Each goes to the device with the least weight so far, among those
   that have not yet got their full number, `num_replicas` / D.

Write `place_experts(loads, num_devices, num_replicas)` for the `loads` of the experts ([E], 0 or
more; int64 below 2⁵³, float32 or float64). With D = `num_devices`, it returns a dict:

- [replicas] `replicas`: int64 tensor [E]: the number of replicas of each expert.
- [device-experts] `device_experts`: int64 tensor [D, `num_replicas` / D]: the experts on each
  device. Each row is sorted in ascending order; an expert may stand in a row more than once.
- [device-load] `device_load`: float32 tensor [D]: the weight of each device's replicas together.
- [balancedness] `balancedness`: the mean of the devices' loads divided by the largest one, as a
  number: 1 is perfect. 1.0 where all loads are 0.

What else holds:

- [replicate-ties] Among experts with equal load per replica, the lower expert gets the next
  replica.
- [pack-ties] Replicas of equal weight are dealt out in the order of their experts, the lower expert
  first; among devices with equal weight so far, the lower device takes the next one.
- [exact] Loads that differ only beyond the precision of float32 are told apart.
- [zero-loads] An expert whose load is 0 has a replica like any other.
- [wrong-arguments] `ValueError` for D < 1, for `num_replicas` below E or not a multiple of D, and
  for a negative load.
- [unchanged] `loads` is not changed.

Sources: DeepSeek-AI, [*Expert Parallelism Load Balancer*](https://github.com/deepseek-ai/EPLB)
(2025), whose rules these are, with ties settled; *DeepSeek-V3 Technical Report* (2024), section
3.4, for what it is good for.
"""

from __future__ import annotations

from typing import Any

import torch

from autograder import Effort, Exercise

exercise = Exercise("place_experts", effort=Effort(difficulty=3, importance=4, minutes=35))


@exercise.solution
def place_experts(loads: torch.Tensor, num_devices: int, num_replicas: int) -> dict[str, Any]:
    """Give popular experts several replicas, and deal the replicas out evenly by weight.

    `loads` is [E]. The keys are `replicas` ([E], int64), `device_experts` ([D, num_replicas / D],
    int64), `device_load` ([D], float32) and the number `balancedness`. Raises `ValueError` for
    D < 1, for `num_replicas` below E or not a multiple of D, and for a negative load.
    """
    if num_devices < 1:
        raise ValueError(f"num_devices is {num_devices}; it must be at least 1")
    if num_replicas < len(loads) or num_replicas % num_devices:
        raise ValueError(f"{num_replicas} replicas of {len(loads)} experts do not fit together")
    if bool((loads < 0).any()):
        raise ValueError("loads must not be negative")
    exact = loads.detach().double()
    replicas = torch.ones(len(loads), dtype=torch.int64, device=loads.device)
    for _ in range(num_replicas - len(loads)):
        replicas[(exact / replicas).argmax()] += 1
    weights = exact / replicas
    heaviest = weights.argsort(descending=True, stable=True)
    held: list[list[int]] = [[] for _ in range(num_devices)]
    weight = [0.0] * num_devices
    for expert in heaviest.repeat_interleave(replicas[heaviest]).tolist():
        free = [d for d in range(num_devices) if len(held[d]) < num_replicas // num_devices]
        device = min(free, key=weight.__getitem__)
        held[device].append(expert)
        weight[device] += float(weights[expert])
    largest = max(weight)
    return {
        "replicas": replicas,
        "device_experts": torch.tensor([sorted(row) for row in held], device=loads.device),
        "device_load": torch.tensor(weight, dtype=torch.float32, device=loads.device),
        "balancedness": sum(weight) / num_devices / largest if largest > 0 else 1.0,
    }
