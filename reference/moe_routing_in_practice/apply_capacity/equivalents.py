"""Changes of `apply_capacity` that no check can see, and why they make no difference."""

from __future__ import annotations

from reference.moe_routing_in_practice.apply_capacity import exercise

exercise.equivalent(
    "if slots == 0 or math.isinf(capacity_factor):",
    "if slots <= 0 or math.isinf(capacity_factor):",
    because="A count is never negative.",
)
exercise.equivalent(
    "order = torch.arange(slots, device=indices.device)",
    "order = torch.arange(slots, device=None)",
    "order = torch.arange(slots, )",
    because="It differs on a GPU alone, where checks with `--device cuda` see it.",
)
exercise.equivalent(
    "order = torch.sort(weights.detach().flatten(), descending=True, stable=True).indices",
    "order = torch.sort(weights.flatten(), descending=True, stable=True).indices",
    because="What is returned may carry a gradient or not.",
)
exercise.equivalent(
    "starts = torch.bincount(chosen, minlength=num_experts).cumsum(0).roll(1)",
    "starts = torch.bincount(chosen, minlength=num_experts).cumsum( -1).roll(1)",
    because="There is one dimension.",
)
exercise.equivalent(
    "place = torch.arange(slots, device=indices.device) - starts[chosen[by_expert]]",
    "place = torch.arange(slots, device=None) - starts[chosen[by_expert]]",
    "place = torch.arange(slots, ) - starts[chosen[by_expert]]",
    because="It differs on a GPU alone, where checks with `--device cuda` see it.",
)
exercise.equivalent(
    "keep = torch.empty(slots, dtype=torch.bool, device=indices.device)",
    "keep = torch.empty(slots, dtype=torch.bool, device=None)",
    "keep = torch.empty(slots, dtype=torch.bool, )",
    because="It differs on a GPU alone, where checks with `--device cuda` see it.",
)
exercise.equivalent(
    'if policy == "weight":',
    'if policy >= "weight":',
    because="Other policies are refused before.",
)
exercise.equivalent(
    "starts = torch.bincount(chosen, minlength=num_experts).cumsum(0).roll(1)",
    "starts = torch.bincount(chosen, minlength=capacity).cumsum(0).roll(1)",
    "starts = torch.bincount(chosen, minlength=slots).cumsum(0).roll(1)",
    "starts = torch.bincount(chosen, ).cumsum(0).roll(1)",
    because="The last sum rolls to place 0, which is set to 0; experts beyond have no slots.",
)
