"""The lab on capacity: its parts in the order in which students meet them."""

from pathlib import Path

from autograder.authoring.assignment import Assignment, Prose

from .dropped_share import exercise as dropped_share

assignment = Assignment(
    name="capacity_lab",
    title="What an expert cannot take",
    folder=Path(__file__).parent,
    parts=(Prose("introduction.md"), dropped_share),
    requirements=("torch>=2.7", "ipykernel>=6.29", "jupyterlab>=4"),
    hours="ten minutes",
)
