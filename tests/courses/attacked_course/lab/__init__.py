"""The assignment `lab`: two functions, five points each, one of them for a public check."""

from pathlib import Path

from autograder.authoring.assignment import Assignment

from .double import exercise as double
from .halve import exercise as halve

assignment = Assignment(
    name="lab",
    title="Two lines",
    folder=Path(__file__).parent,
    parts=(double, halve),
    requirements=("numpy>=1.26",),
)
