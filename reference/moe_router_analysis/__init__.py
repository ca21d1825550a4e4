"""Lab 2.4.4: looking into the routers of mixture-of-experts models."""

from __future__ import annotations

from pathlib import Path

from autograder.authoring.assignment import Assignment, Prose
from reference.moe_router_analysis import (
    analyze_load_distribution,
    compute_load_balancing_loss,
    extract_router_weights,
    find_router_layers,
    simulate_topk_routing,
)

assignment = Assignment(
    name="moe_router_analysis",
    title="MoE Router Analysis",
    folder=Path(__file__).parent,
    parts=(
        Prose("introduction.md"),
        find_router_layers.exercise,
        extract_router_weights.exercise,
        analyze_load_distribution.exercise,
        compute_load_balancing_loss.exercise,
        simulate_topk_routing.exercise,
    ),
    requirements=(
        "torch>=2.7",
        "transformers>=5.21",
        "numpy>=1.26",
        "matplotlib>=3.8",
        "otter-grader>=7,<8",
        "ipykernel>=6.29",
        "jupyterlab>=4",
    ),
)
