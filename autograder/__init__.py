"""moelab's engine: it knows how to grade, and knows no exercise.

What an exercise author needs is importable from here; each name is loaded when it is first used,
so that `import autograder` costs nothing and the sandbox (which imports `autograder.inside` alone)
never holds the grader in its memory.
"""

TYPE_CHECKING = False  # no import here: the current folder may still be on the path

if TYPE_CHECKING:
    from typing import Any

    from autograder.authoring.assignment import Assignment, Prose
    from autograder.authoring.exercise import Effort, Exercise
    from autograder.authoring.fixture import fixture
    from autograder.authoring.given import given
    from moelab_kit.compare import BFLOAT16, EXACT, FLOAT32, Tolerance

__all__ = [
    "BFLOAT16",
    "EXACT",
    "FLOAT32",
    "Assignment",
    "Effort",
    "Exercise",
    "Prose",
    "Tolerance",
    "fixture",
    "given",
]

_HOMES = {
    "Assignment": "autograder.authoring.assignment",
    "BFLOAT16": "moelab_kit.compare",
    "EXACT": "moelab_kit.compare",
    "Effort": "autograder.authoring.exercise",
    "Exercise": "autograder.authoring.exercise",
    "Prose": "autograder.authoring.assignment",
    "FLOAT32": "moelab_kit.compare",
    "Tolerance": "moelab_kit.compare",
    "fixture": "autograder.authoring.fixture",
    "given": "autograder.authoring.given",
}


def __getattr__(name: str) -> "Any":
    import importlib

    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'autograder' has no attribute {name!r}")
    return getattr(importlib.import_module(home), name)
