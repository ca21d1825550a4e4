"""Changes of `loss_with_load_balancing` that no check can see, and why they make no difference."""

from __future__ import annotations

from reference.moe_router_analysis.loss_with_load_balancing import exercise

exercise.equivalent(
    "real = (mask == 1).to(logits.device)",
    "real = (mask == 1).to(None)",
    "real = (mask == 1)",
    because="It differs on a GPU alone, where checks with `--device cuda` see it.",
)
exercise.equivalent(
    "targets = input_ids.to(logits.device)[:, 1:][real[:, 1:]]",
    "targets = input_ids.to(None)[:, 1:][real[:, 1:]]",
    "targets = input_ids[:, 1:][real[:, 1:]]",
    because="It differs on a GPU alone, where checks with `--device cuda` see it.",
)
exercise.equivalent(
    "real = (mask == 1).to(logits.device)",
    "real = (mask >= 1).to(logits.device)",
    because="A mask has zeros and ones.",
)
