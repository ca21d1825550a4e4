"""What holds for the text of both labs: diagrams, and names that are left to students."""

from __future__ import annotations

import importlib.util
import math
import sys
from pathlib import Path

import lab_cells
import numpy as np
import pytest
import torch
from torch.nn import functional

from reference import moe_router_analysis, moe_routing_in_practice, moe_training_and_serving

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "lab_pictures.py"
LABS = (moe_router_analysis.assignment, moe_routing_in_practice.assignment)


def test_every_file_is_what_is_drawn_now() -> None:
    spec = importlib.util.spec_from_file_location("lab_pictures_of_the_labs", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    drawer = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = drawer
    try:
        spec.loader.exec_module(drawer)
        assert drawer.stale() == [], "run `python benchmarks/lab_pictures.py`"
    finally:
        del sys.modules[spec.name]


@pytest.mark.parametrize("lab", LABS, ids=lambda lab: lab.name)
def test_every_diagram_is_shown_and_described(lab) -> None:
    shown = "".join(lab_cells.text_of(lab, file) for file in lab_cells.prose_of(lab))
    drawn = sorted(path.name for path in (lab.folder / "prose" / "pictures").glob("*.png"))
    assert drawn
    for name in drawn:
        before, found, _ = shown.partition(f"](pictures/{name})")
        assert found, name
        assert len(before.rpartition("![")[2].split()) > 10, (
            "what it shows, for those who cannot see it"
        )


@pytest.mark.parametrize(
    "lab", [*LABS, moe_training_and_serving.assignment], ids=lambda lab: lab.name
)
def test_no_demonstration_takes_a_name_that_a_solution_may_have_imported(lab) -> None:
    """A cell runs after the student's, and `log = …` would replace `from math import log`."""
    imported = {*sys.stdlib_module_names, *dir(math), *dir(np), *dir(torch), *dir(functional)}
    taken = lab_cells.names_bound_by(lab) & (imported | {e.name for e in lab.exercises})
    never_imported = {"device", "gradient", "indices", "load", "place", "size", "token"}
    assert taken <= never_imported
