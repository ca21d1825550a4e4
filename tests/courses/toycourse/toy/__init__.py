"""The toy assignment."""

from pathlib import Path

from autograder.authoring.assignment import Assignment, Prose

from .busiest_expert import exercise as busiest_expert
from .expert_load import exercise as expert_load
from .load_gap import exercise as load_gap

assignment = Assignment(
    name="toy",
    title="Toy lab: who works?",
    folder=Path(__file__).parent,
    parts=(Prose("introduction.md"), expert_load, busiest_expert, load_gap),
    requirements=("numpy>=1.26", "torch>=2.7"),
)
