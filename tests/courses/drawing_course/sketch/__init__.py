"""The assignment `sketch`."""

from pathlib import Path

from autograder.authoring.assignment import Assignment

from .draw import exercise as draw

assignment = Assignment(
    name="sketch",
    title="One figure",
    folder=Path(__file__).parent,
    parts=(draw,),
    requirements=("matplotlib>=3.8",),
)
