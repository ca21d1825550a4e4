"""What an inference engine keeps of earlier tokens."""

from __future__ import annotations

from pathlib import Path

from autograder import Assignment, Prose

assignment = Assignment(
    name="kv_cache",
    title="The key–value cache",
    folder=Path(__file__).parent,
    parts=(
        Prose("introduction.md"),
        "cache_bytes",
        "extend_cache",
        "attend",
    ),
    requirements=("torch>=2.7",),
    hours="half an hour",
)
