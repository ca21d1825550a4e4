"""Attacks on grading itself earn nothing, or exactly what their honest part earns."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from arena import Arena, Attack, attacks

from autograder.authoring.exercise import Exercise
from autograder.grading.course import load_assignment
from autograder.grading.judge import judge_exercise
from autograder.grading.material import Material
from autograder.records import ExerciseGrade, Outcome
from autograder.sandbox.limits import Limits

NAME = "compute_load_balancing_loss"
SEED = "a run's secret seed"
LIMITS = Limits(call=2.0, total=20.0, memory=512 << 20)
ATTACKS = attacks("grading")
HONEST = b"""
import torch

def compute_load_balancing_loss(router_logits, top_k=2):
    tokens, experts = router_logits.shape
    if not 1 <= top_k <= experts or tokens == 0:
        raise ValueError("wrong arguments")
    mean = torch.softmax(router_logits.float(), dim=-1).mean(dim=0)
    return experts * mean.square().sum()
"""


@pytest.fixture(scope="module")
def exercise() -> Exercise:
    found = [e for e in load_assignment("moe_router_analysis").exercises if e.name == NAME]
    return found[0]


@pytest.fixture(scope="module")
def material() -> Material:
    torch.set_num_threads(1)
    return Material("moe_router_analysis", SEED)


@pytest.fixture
def graded(arena: Arena, exercise: Exercise, material: Material) -> Iterator[object]:
    def graded(submission: bytes) -> ExerciseGrade:
        session = arena.session(LIMITS)
        try:
            session.read(submission, "submission.py")
            return judge_exercise(exercise, session, material)
        finally:
            session.close()

    return graded


@pytest.mark.sandbox
def test_the_honest_part_of_attacks_earns_everything(graded, exercise: Exercise) -> None:
    grade = graded(HONEST)
    assert grade.score == grade.possible, [check.message for check in grade.checks]


@pytest.mark.sandbox
@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_attack_on_grading_earns_what_it_declares(attack: Attack, graded, arena: Arena) -> None:
    grade = graded(attack.path.read_bytes())
    said = [(check.name, check.outcome.value, check.message) for check in grade.checks]
    assert all(check.outcome is not Outcome.GRADER_ERROR for check in grade.checks), said
    if attack.earns == "at most all":
        assert grade.score <= grade.possible
    else:
        assert grade.score == {"0": 0.0, "all": grade.possible}[attack.earns], said
    for check in grade.checks:
        assert len(check.message) <= 2000
        assert all(letter.isprintable() or letter in "\n\t" for letter in check.message), said
    assert graded(HONEST).score == grade.possible
    assert arena.harm() == ()
