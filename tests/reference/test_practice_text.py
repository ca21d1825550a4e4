"""The text of the lab on practice: its cells run, and its numbers are right."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import lab_cells
import pytest
import torch

from reference.moe_routing_in_practice import assignment

SOLUTIONS = {exercise.name: exercise.solution_function for exercise in assignment.exercises}


@pytest.fixture(scope="module")
def lab_names() -> Iterator[dict[str, Any]]:
    """The names that all code cells leave behind, run in order with the reference solutions."""
    with lab_cells.names_after_all_cells(assignment) as names:
        yield names


def test_every_file_of_prose_is_used_and_every_exercise_has_a_demonstration(
    lab_names: dict[str, Any],
) -> None:
    files = {path.name for path in (assignment.folder / "prose").glob("*.md")}
    assert files == set(lab_cells.prose_of(assignment))
    shown = "".join(lab_cells.text_of(assignment, file) for file in files)
    assert all(f"{exercise.name}(" in shown for exercise in assignment.exercises)
    assert "saturation" in lab_names


def test_before_anything_is_written_a_cell_works_or_says_what_is_not_written() -> None:
    ended = lab_cells.files_that_end_early(assignment)
    assert ended == set(lab_cells.prose_of(assignment)) - {"introduction.md", "checkpoint.md"}


def test_the_bias_balances_a_skewed_load(lab_names: dict[str, Any]) -> None:
    late = {rate: sum(found[-20:]) / 20 for rate, found in lab_names["violations"].items()}
    assert all(found[0] > 1.7 for found in lab_names["violations"].values())
    assert late[0.01] < 0.5 < late[0.001] < 0.8 < late[0.1]


def test_levels_of_chance_are_as_told() -> None:
    generator = torch.Generator().manual_seed(1)
    experts, k, tokens = 64, 8, 1000
    dice = torch.stack(
        [torch.rand(tokens, experts, generator=generator).topk(k).indices for _ in range(20)]
    )
    found = [SOLUTIONS["load_metrics"](one, experts) for one in dice]

    def mean(name: str) -> float:
        return sum(float(one[name]) for one in found) / len(found)

    level = (1 - k / experts) * experts / (tokens * k)
    assert mean("cv_squared") == pytest.approx(level, rel=0.15)
    assert mean("gini") == pytest.approx(0.56 * math.sqrt(level), rel=0.1)
    assert mean("max_violation") == pytest.approx(2.4 * math.sqrt(level), rel=0.15)
    assert 1 - mean("entropy") == pytest.approx(level / (2 * math.log(experts)), rel=0.15)
    saturation = SOLUTIONS["router_saturation"](dice[0], dice[1])
    assert saturation == pytest.approx(k / experts, abs=0.01)
    together = SOLUTIONS["coactivation"](dice.flatten(0, 1), experts)
    assert float(together.sum() / (experts * (experts - 1))) == pytest.approx(7 / 63, abs=0.002)
    machines = torch.nn.functional.one_hot(dice[0] // 8, 8).amax(dim=1).sum(dim=1).float().mean()
    assert float(machines) == pytest.approx(5.4, abs=0.1)
    same = torch.arange(8).repeat(tokens, 1)
    worst = SOLUTIONS["load_metrics"](same, experts)
    assert (worst["max_violation"], worst["cv_squared"]) == pytest.approx((7, 7))
    assert (worst["entropy"], worst["gini"]) == pytest.approx((0.5, 7 / 8))


def test_without_room_for_chance_even_dice_are_dropped(lab_names: dict[str, Any]) -> None:
    def dropped(indices: torch.Tensor, factor: float) -> float:
        weights = torch.ones(indices.shape)
        return float(SOLUTIONS["apply_capacity"](indices, weights, 64, factor)[1])

    assert 0.02 < dropped(lab_names["dice"], 1.0) < 0.06
    assert dropped(lab_names["dice"], 8.0) == 0
    assert dropped(torch.arange(8).repeat(100, 1), 8.0) == 0
