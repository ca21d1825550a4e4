"""Changes of `token_traffic` that no check can see, and why they make no difference."""

from __future__ import annotations

from reference.moe_training_and_serving.token_traffic import exercise

exercise.equivalent(
    "if num_devices < 1:",
    "if False:",
    "if num_devices < 0:",
    because="Without a device, every placement is outside of 0..D - 1.",
)
exercise.equivalent(
    'raise ValueError(f"num_devices is {num_devices}; it must be at least 1")',
    "pass",
    because="Without a device, every placement is outside of 0..D - 1.",
)
exercise.equivalent(
    "if bool(((devices < 0) | (devices >= num_devices)).any()):",
    "if bool(((devices < 0) + (devices >= num_devices)).any()):",
    "if bool(((devices < 0) ^ (devices >= num_devices)).any()):",
    because="A device cannot be below 0 and too large at once.",
)
exercise.equivalent(
    "visits = torch.zeros(tokens, num_devices, dtype=torch.int64, device=indices.device)",
    "visits = torch.zeros(tokens, num_devices, dtype=torch.int64, device=None)",
    "visits = torch.zeros(tokens, num_devices, dtype=torch.int64, )",
    because="It differs on a GPU alone, where checks with `--device cuda` see it.",
)
exercise.equivalent(
    "copies = torch.zeros(num_devices, num_devices, dtype=torch.int64, device=indices.device)",
    "copies = torch.zeros(num_devices, num_devices, dtype=torch.int64, device=None)",
    "copies = torch.zeros(num_devices, num_devices, dtype=torch.int64, )",
    because="It differs on a GPU alone, where checks with `--device cuda` see it.",
)
