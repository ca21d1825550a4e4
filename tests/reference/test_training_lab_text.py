"""The text of `moe_training_and_serving`: its cells run with the reference solutions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import matplotlib as mpl
import pytest
from matplotlib import pyplot as plt

import moe_lab
from autograder.authoring.assignment import Prose
from moe_lab import load_model, load_tokenizer, training_race
from reference.moe_training_and_serving import assignment

SOLUTIONS = {exercise.name: exercise.solution_function for exercise in assignment.exercises}
PROSE = [part.file for part in assignment.parts if isinstance(part, Prose)]
CODE = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def lab_names() -> Iterator[dict[str, Any]]:
    """The names that all code cells leave behind, with a race of two steps."""
    backend, race = mpl.get_backend(), training_race
    plt.switch_backend("agg")
    moe_lab.training_race = lambda ways, **_: race(ways, steps=2)
    names: dict[str, Any] = {
        **SOLUTIONS,
        "load_model": load_model,
        "load_tokenizer": load_tokenizer,
    }
    try:
        for file in PROSE:
            text = (assignment.folder / "prose" / file).read_text(encoding="utf-8")
            for number, cell in enumerate(CODE.findall(text), start=1):
                exec(compile(cell, f"{file}, cell {number}", "exec"), names)
        yield names
    finally:
        moe_lab.training_race = race
        plt.close("all")
        plt.switch_backend(backend)


def test_every_file_of_prose_is_used_and_every_cell_runs(lab_names: dict[str, Any]) -> None:
    files = {path.name for path in (assignment.folder / "prose").iterdir()}
    assert files == set(PROSE)
    assert {"race", "pieces", "end", "panels"} <= lab_names.keys()


def test_the_model_is_as_described(lab_names: dict[str, Any]) -> None:
    model = load_model("trained")
    assert model.config.num_experts == 16
    assert model.config.num_experts_per_tok == 2
    assert round(sum(p.numel() for p in model.parameters()), -4) == 220_000
    layers = lab_names["routed"](model, lab_names["pieces"])
    assert len(layers) == 3
