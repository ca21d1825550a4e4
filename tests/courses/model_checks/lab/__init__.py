"""The exercises whose checks run on full-scale models."""

from __future__ import annotations

from dataclasses import replace

from reference.moe_router_analysis import assignment as whole

MODEL_EXERCISES = (
    "find_router_layers",
    "extract_router_weights",
    "analyze_load_distribution",
    "loss_with_load_balancing",
    "monitor_expert_usage",
)

assignment = replace(
    whole, name="lab", parts=tuple(whole.exercise(name) for name in MODEL_EXERCISES)
)
