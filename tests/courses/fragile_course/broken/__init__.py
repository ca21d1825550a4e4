"""The assignment `broken`: a check of it breaks down, whatever is answered."""

from pathlib import Path

from autograder.authoring.assignment import Assignment

from .half import exercise as half

assignment = Assignment(
    name="broken",
    title="A broken check",
    folder=Path(__file__).parent,
    parts=(half,),
    requirements=("torch>=2.7",),
)
