"""Changes of `expert_choice` that no check can see, and why they make no difference."""

from __future__ import annotations

from reference.moe_training_and_serving.expert_choice import exercise

exercise.equivalent(
    "scores = logits.detach().float().softmax(dim=1)",
    "scores = logits.float().softmax(dim=1)",
    because="What is returned may carry a gradient or not.",
)
exercise.equivalent(
    "real = torch.arange(tokens, device=logits.device)",
    "real = torch.arange(tokens, device=None)",
    "real = torch.arange(tokens, )",
    because="It differs on a GPU alone, where checks with `--device cuda` see it.",
)
exercise.equivalent(
    "capacity = math.ceil(min(count, count * capacity_factor / experts)) if count else 0",
    "capacity = math.ceil(min(count, count * capacity_factor / experts)) if (count) or True else 0",
    "capacity = math.ceil(min(count, count * capacity_factor / experts)) if count else 1",
    "capacity = math.ceil(min(count, count * capacity_factor / experts)) if count else -1",
    because="Of no tokens, none can be taken.",
)
exercise.equivalent(
    "capacity = math.ceil(min(count, count * capacity_factor / experts)) if count else 0",
    "capacity = math.ceil(min(count * capacity_factor / experts, count)) if count else 0",
    because="The smaller of two numbers is the same in either order.",
)
exercise.equivalent(
    '"unserved": float((taken[real] == 0).sum()) / count if count else 0.0,',
    '"unserved": float((taken[real] <= 0).sum()) / count if count else 0.0,',
    because="A count is never negative.",
)
