"""The assignment `hopeless`: every check breaks down before it asks for an answer."""

from pathlib import Path

from autograder.authoring.assignment import Assignment

from .third import exercise as third

assignment = Assignment(
    name="hopeless",
    title="Broken checks alone",
    folder=Path(__file__).parent,
    parts=(third,),
    requirements=("torch>=2.7",),
)
