"""The assignment `weak`: checks that an answer can slow down or kill."""

from pathlib import Path

from autograder.authoring.assignment import Assignment

from .step import exercise as step
from .stride import exercise as stride

assignment = Assignment(
    name="weak",
    title="Weak checks",
    folder=Path(__file__).parent,
    parts=(step, stride),
    requirements=("torch>=2.7",),
)
