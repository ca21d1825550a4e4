"""Train a router, watch it, understand what it learnt, and serve it."""

from __future__ import annotations

from pathlib import Path

from autograder.authoring.assignment import Assignment, Prose
from reference.moe_training_and_serving import (
    balance_with_bias,
    expert_cache,
    expert_choice,
    next_layer_recall,
    place_experts,
    scoped_balance_loss,
    specialisation,
    token_traffic,
    train_with_router_log,
)

assignment = Assignment(
    name="moe_training_and_serving",
    title="MoE Training and Serving",
    folder=Path(__file__).parent,
    parts=(
        Prose("introduction.md"),
        scoped_balance_loss.exercise,
        Prose("whose_tokens.md"),
        balance_with_bias.exercise,
        Prose("race.md"),
        train_with_router_log.exercise,
        Prose("watching.md"),
        specialisation.exercise,
        Prose("specialists.md"),
        next_layer_recall.exercise,
        Prose("prefetch.md"),
        expert_choice.exercise,
        token_traffic.exercise,
        place_experts.exercise,
        Prose("placement.md"),
        expert_cache.exercise,
        Prose("cache.md"),
        Prose("checkpoint.md"),
    ),
    hours="five to six hours",
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
