"""Changes of `router_saturation` that no check can see, and why they make no difference."""

from __future__ import annotations

from reference.moe_routing_in_practice.router_saturation import exercise

exercise.equivalent(
    "if len(indices_a) == 0:",
    "if len(indices_a) <= 0:",
    because="A count is never negative.",
)
