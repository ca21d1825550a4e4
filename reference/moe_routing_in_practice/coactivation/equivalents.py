"""Changes of `coactivation` that no check can see, and why they make no difference."""

from __future__ import annotations

from reference.moe_routing_in_practice.coactivation import exercise

exercise.equivalent(
    "used = torch.zeros(len(indices), num_experts, dtype=torch.float64)",
    "used = torch.zeros(len(indices), num_experts, dtype=None)",
    "used = torch.zeros(len(indices), num_experts, )",
    because="Whole numbers below 2**24 are exact in float32, too.",
)
exercise.equivalent(
    "used.scatter_(1, indices, 1.0)",
    "used.scatter_(1, indices, 2.0)",
    because="The factor is in both parts of the share.",
)
exercise.equivalent(
    "tokens = together.diagonal().clone().clamp(min=1.0)",
    "tokens = together.diagonal().clamp(min=1.0)",
    because="clamp makes a copy.",
)
