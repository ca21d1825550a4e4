"""Train a router, watch it, understand what it learnt, and serve it."""

from __future__ import annotations

from pathlib import Path

from autograder.authoring.assignment import Assignment, Prose
from reference.moe_training_and_serving import (
    scoped_balance_loss,
)

assignment = Assignment(
    name="moe_training_and_serving",
    title="MoE Training and Serving",
    folder=Path(__file__).parent,
    parts=(
        Prose("introduction.md"),
        scoped_balance_loss.exercise,
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
