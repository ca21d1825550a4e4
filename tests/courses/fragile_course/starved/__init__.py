"""The assignment `starved`: in the middle of it there is no room for a sandbox any more."""

from pathlib import Path

from autograder.authoring.assignment import Assignment

from .fifth import exercise as fifth

assignment = Assignment(
    name="starved",
    title="A sandbox that cannot be had",
    folder=Path(__file__).parent,
    parts=(fifth,),
    requirements=("torch>=2.7",),
)
