"""Which tokens may look at which: tensors and a plot."""

from __future__ import annotations

from pathlib import Path

from autograder import Assignment, Prose

assignment = Assignment(
    name="masks",
    title="Attention masks",
    folder=Path(__file__).parent,
    parts=(
        Prose("introduction.md"),
        "causal_mask",
        "padding_mask",
        "plot_mask",
    ),
    requirements=("torch>=2.7", "numpy>=1.26", "matplotlib>=3.8"),
    hours="half an hour",
)
