"""The lab on capacity: its parts in the order in which students meet them."""

from __future__ import annotations

from pathlib import Path

from autograder import Assignment, Prose

assignment = Assignment(
    name="capacity_lab",
    title="What an expert cannot take",
    folder=Path(__file__).parent,
    parts=(
        Prose("introduction.md"),
        "dropped_share",
    ),
    requirements=("torch>=2.7",),
    hours="ten minutes",
)
