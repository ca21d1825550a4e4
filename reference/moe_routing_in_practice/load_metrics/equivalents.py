"""Changes of `load_metrics` that no check can see, and why they make no difference."""

from __future__ import annotations

from reference.moe_routing_in_practice.load_metrics import exercise

exercise.equivalent(
    "if mean == 0:",
    "if mean <= 0:",
    because="A count is never negative.",
)
exercise.equivalent(
    '"cv_squared": float(loads.var(correction=0) / mean**2),',
    '"cv_squared": float(loads.var(correction=0, keepdim = True) / mean**2),',
    because="A dimension of size 1 more is gone after the mean or the sum.",
)
exercise.equivalent(
    "dead = [expert for expert, count in enumerate(counts.tolist()) if count == 0]",
    "dead = [expert for expert, count in enumerate(counts.tolist()) if count <= 0]",
    because="A count is never negative.",
)
exercise.equivalent(
    "if bool(((indices < 0) | (indices >= num_experts)).any()):",
    "if bool(((indices < 0) + (indices >= num_experts)).any()):",
    "if bool(((indices < 0) ^ (indices >= num_experts)).any()):",
    because="An index cannot be below 0 and too large at once.",
)
