"""Changes of `place_experts` that no check can see, and why they make no difference."""

from __future__ import annotations

from reference.moe_training_and_serving.place_experts import exercise

exercise.equivalent(
    "if num_replicas < len(loads) or num_replicas % num_devices:",
    "if False:",
    "if num_replicas < len(loads) and num_replicas % num_devices:",
    because="Where they are packed, replicas that do not fit are a ValueError, too.",
)
exercise.equivalent(
    'raise ValueError(f"{num_replicas} replicas of {len(loads)} experts do not fit together")',
    "pass",
    because="Where they are packed, replicas that do not fit are a ValueError, too.",
)
exercise.equivalent(
    "exact = loads.detach().double()",
    "exact = loads.double()",
    because="What is returned may carry a gradient or not.",
)
exercise.equivalent(
    "replicas = torch.ones(len(loads), dtype=torch.int64, device=loads.device)",
    "replicas = torch.ones(len(loads), dtype=torch.int64, device=None)",
    "replicas = torch.ones(len(loads), dtype=torch.int64, )",
    because="It differs on a GPU alone, where checks with `--device cuda` see it.",
)
exercise.equivalent(
    "heaviest = weights.argsort(descending=True, stable=True)",
    "heaviest = weights.argsort(descending=True, )",
    "heaviest = weights.argsort(descending=True, stable=False)",
    because="On a CPU, torch sorts so few values in a stable way anyway.",
)
exercise.equivalent(
    "free = [d for d in range(num_devices) if len(held[d]) < num_replicas // num_devices]",
    "free = [d for d in range(num_devices) if len(held[d]) < num_replicas / num_devices]",
    "free = [d for d in range(num_devices) if len(held[d]) != num_replicas // num_devices]",
    "free = [d for d in range(num_devices) if len(held[d]) is not num_replicas // num_devices]",
    because="A device never holds more than its full number, and D divides the replicas.",
)
exercise.equivalent(
    '"device_experts": torch.tensor([sorted(row) for row in held], device=loads.device),',
    '"device_experts": torch.tensor([sorted(row) for row in held], device=None),',
    '"device_experts": torch.tensor([sorted(row) for row in held], ),',
    because="It differs on a GPU alone, where checks with `--device cuda` see it.",
)
exercise.equivalent(
    '"device_load": torch.tensor(weight, dtype=torch.float32, device=loads.device),',
    '"device_load": torch.tensor(weight, dtype=torch.float32, device=None),',
    '"device_load": torch.tensor(weight, dtype=torch.float32, ),',
    because="It differs on a GPU alone, where checks with `--device cuda` see it.",
)
exercise.equivalent(
    '"device_load": torch.tensor(weight, dtype=torch.float32, device=loads.device),',
    '"device_load": torch.tensor(weight, dtype=None, device=loads.device),',
    '"device_load": torch.tensor(weight, device=loads.device),',
    because="A list of Python floats becomes float32 anyway.",
)
exercise.equivalent(
    '"balancedness": sum(weight) / num_devices / largest if largest > 0 else 1.0,',
    '"balancedness": sum(weight) / num_devices / largest if largest != 0 else 1.0,',
    because="A load is never negative.",
)
