"""Lab 2.4.4: looking into the routers of mixture-of-experts models."""

from __future__ import annotations

from pathlib import Path

from autograder.authoring.assignment import Assignment, Prose
from reference.moe_router_analysis import (
    analyze_load_distribution,
    compare_top_k,
    compute_load_balancing_loss,
    compute_switch_loss,
    extract_router_weights,
    find_load_issues,
    find_router_layers,
    loss_with_load_balancing,
    monitor_expert_usage,
    plot_load_distribution,
    plot_loss_scenarios,
    plot_router_weights,
    plot_topk_routing,
    router_weight_statistics,
    simulate_topk_routing,
)
from reference.moe_router_analysis._decisions import measured_routing

assignment = Assignment(
    name="moe_router_analysis",
    title="MoE Router Analysis",
    folder=Path(__file__).parent,
    parts=(
        Prose("introduction.md"),
        find_router_layers.exercise,
        Prose("rules.md"),
        extract_router_weights.exercise,
        Prose("reading_weights.md"),
        router_weight_statistics.exercise,
        Prose("similarity.md"),
        plot_router_weights.exercise,
        Prose("weight_pictures.md"),
        Prose("load.md"),
        Prose("hooks.md"),
        analyze_load_distribution.exercise,
        Prose("load_numbers.md"),
        find_load_issues.exercise,
        plot_load_distribution.exercise,
        Prose("load_pictures.md"),
        Prose("losses.md"),
        compute_load_balancing_loss.exercise,
        compute_switch_loss.exercise,
        plot_loss_scenarios.exercise,
        Prose("loss_pictures.md"),
        Prose("top_k.md"),
        simulate_topk_routing.exercise,
        plot_topk_routing.exercise,
        compare_top_k.exercise,
        Prose("top_k_pictures.md"),
        Prose("mistakes.md"),
        loss_with_load_balancing.exercise,
        monitor_expert_usage.exercise,
        Prose("checkpoint.md"),
    ),
    closing=(Prose("clean_up.md"),),
    hours="six to eight hours",
    requirements=(
        "torch>=2.7",
        "transformers>=5.21,<5.24",
        "numpy>=1.26",
        "matplotlib>=3.8",
        "otter-grader>=7,<8",
        "ipykernel>=6.29",
        "jupyterlab>=4",
    ),
    routing=measured_routing,
)
