"""From texts to batches: text processing without a tensor."""

from __future__ import annotations

from pathlib import Path

from autograder import Assignment, Prose

assignment = Assignment(
    name="texts",
    title="Texts in batches",
    folder=Path(__file__).parent,
    parts=(
        Prose("introduction.md"),
        "word_counts",
        "chunks",
        "length_buckets",
    ),
    requirements=(),
    hours="half an hour",
)
