"""What production mixture-of-experts systems do: routing, balance, capacity, analysis."""

from __future__ import annotations

from pathlib import Path

from autograder.authoring.assignment import Assignment, Prose
from reference.moe_routing_in_practice import (
    apply_capacity,
    coactivation,
    load_metrics,
    route,
    router_saturation,
    router_z_loss,
    update_expert_bias,
)

assignment = Assignment(
    name="moe_routing_in_practice",
    title="MoE Routing in Practice",
    folder=Path(__file__).parent,
    parts=(
        Prose("introduction.md"),
        route.exercise,
        Prose("routing.md"),
        load_metrics.exercise,
        Prose("metrics.md"),
        router_z_loss.exercise,
        Prose("z_loss.md"),
        apply_capacity.exercise,
        Prose("capacity.md"),
        update_expert_bias.exercise,
        Prose("bias.md"),
        coactivation.exercise,
        Prose("together.md"),
        router_saturation.exercise,
        Prose("settling.md"),
        Prose("checkpoint.md"),
    ),
    hours="three to four hours",
    requirements=(
        "torch>=2.7",
        "transformers>=5.21,<5.24",
        "numpy>=1.26",
        "matplotlib>=3.8",
        "otter-grader>=7,<8",
        "ipykernel>=6.29",
        "jupyterlab>=4",
    ),
)
