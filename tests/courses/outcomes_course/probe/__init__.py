"""The assignment `probe`."""

from pathlib import Path

from autograder.authoring.assignment import Assignment

from .double import exercise as double
from .halve import exercise as halve

assignment = Assignment(
    name="probe",
    title="Every outcome",
    folder=Path(__file__).parent,
    parts=(double, halve),
    requirements=("torch>=2.7",),
)
