"""Wrong functions that once kept full marks, each beside a complete right solution.

Each file overrides one function of the solution in `base/`; its second line says what is wrong with
it. It must lose points at the check that names its promise, and the solution itself none, whatever
the seed. `HOLE_SEEDS=20 pytest tests/holes` tries more seeds than the usual two.
"""

from __future__ import annotations

import os
import re
import sys
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest

from autograder.authoring.assignment import Assignment
from autograder.authoring.course import load_assignment
from autograder.grading.fixtures import Fixtures
from autograder.grading.judge import judge, judge_exercise
from autograder.grading.sessions import LocalSession
from autograder.records import Outcome

HERE = Path(__file__).parent
ASSIGNMENTS = ("moe_router_analysis", "moe_routing_in_practice")
SEEDS = [f"seed {number}" for number in range(int(os.environ.get("HOLE_SEEDS", "2")))]
CAUGHT_BY = {
    "moe_router_analysis__A29_truncation_256": "counts_long_texts",
    "moe_router_analysis__A30_mask_from_pad_id": "lets_the_mask_say_what_is_real",
    "moe_router_analysis__K06_overlay_same_bins_clip": "weights_of_the_best_two",
    "moe_router_analysis__M12_mask_rewritten": "leaves_everything_as_it_was",
    "moe_router_analysis__M17_float_model": "leaves_everything_as_it_was",
    "moe_router_analysis__N02_title_cut": "long_titles_and_collapsed_routers",
    "moe_router_analysis__N06_ylim_above_one": "long_titles_and_collapsed_routers",
    "moe_router_analysis__O14_zero_grad": "leaves_the_model_as_it_was",
    "moe_router_analysis__O15_requires_grad_on": "leaves_the_model_as_it_was",
    "moe_router_analysis__R01_router_no_linear": "is_not_misled_by_names",
    "moe_router_analysis__T07_topk_of_softmax": "low_precision_and_large_logits",
    "moe_router_analysis__X1a_mode_lost_when_forward_raises": "leaves_everything_as_it_was",
    "moe_router_analysis__a01_no_attention_mask": "routes_padded_texts_as_alone",
    "moe_router_analysis__a08_padding_side_changed": "leaves_everything_as_it_was",
    "moe_router_analysis__a11_wrapped_exception": "leaves_everything_as_it_was",
    "moe_router_analysis__a13_expected_from_padded_total": "routes_padded_texts_as_alone",
    "moe_router_analysis__a15_bf16_hook_topk_probs": "tells_close_logits_apart",
    "moe_router_analysis__i01_dict_order": "equal_counts",
    "moe_router_analysis__l01_int_bins": "balanced_load",
    "moe_router_analysis__m01_no_attention_mask": "routes_padded_batches_as_alone",
    "moe_router_analysis__m05_zero_grad": "leaves_everything_as_it_was",
    "moe_router_analysis__m07_pops_labels": "leaves_everything_as_it_was",
    "moe_router_analysis__o03_config_left_on": "leaves_the_model_as_it_was",
    "moe_router_analysis__o07_model_float": "leaves_the_model_as_it_was",
    "moe_router_analysis__r01_router_by_name": "is_not_misled_by_names",
    "moe_router_analysis__r02_router_duplicates": "finds_them_wherever_the_model_is",
    "moe_router_analysis__t01_numpy_int_keys": "worked_example",
    "moe_router_analysis__w01_mask_sum_low_precision": "kinds_of_masks",
    "moe_routing_in_practice__C10_zero_weight": "equal_weights",
    "moe_routing_in_practice__C13_float32_capacity": "sizes_of_the_buffer",
    "moe_routing_in_practice__R11_group_threshold": "tied_groups",
    "moe_routing_in_practice__U07_clip": "random_counts",
    "moe_routing_in_practice__c01_order_of_operations": "sizes_of_the_buffer",
    "moe_routing_in_practice__c02_early_return_inf": "no_tokens_and_wrong_arguments",
    "moe_routing_in_practice__m01_mask_low_precision": "padding",
    "moe_routing_in_practice__u02_step_in_bf16": "a_new_tensor_in_float32",
    "moe_routing_in_practice__z01_multiply_mask": "padding_and_gradient",
}
HOLES = sorted(path.stem for path in HERE.glob("*__*.py"))

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # those of students' code


class Course:
    """An assignment on one seed, and a session on which any functions are tried."""

    def __init__(self, assignment: str, seed: str) -> None:
        self.lab: Assignment = load_assignment(assignment)
        self.fixtures = Fixtures(assignment, seed)
        self.functions: dict[str, object] = {}
        self.session = LocalSession(self.functions, self.fixtures.bench)


course = cache(Course)


def _functions(*sources: str) -> dict[str, object]:
    module = sys.modules["submission"] = ModuleType("submission")
    for source in sources:
        exec(compile(source, "submission.py", "exec"), module.__dict__)
    return module.__dict__


def _base(assignment: str) -> str:
    return (HERE / "base" / f"solution_A_{assignment}.py").read_text(encoding="utf-8")


def test_every_wrong_function_has_a_check_that_names_its_promise() -> None:
    assert sorted(CAUGHT_BY) == HOLES


@pytest.mark.parametrize("hole", HOLES)
def test_a_wrong_function_loses_points_on_every_seed(hole: str) -> None:
    assignment = hole.partition("__")[0]
    source = (HERE / f"{hole}.py").read_text(encoding="utf-8")
    said = re.match(r"# WRONG: (\w+): ", source.splitlines()[1])
    assert said is not None
    functions = _functions(_base(assignment), source)
    for seed in SEEDS:
        here = course(assignment, seed)
        exercise = here.lab.exercise(said[1])
        check = next(check for check in exercise.checks if check.name == CAUGHT_BY[hole])
        here.functions[said[1]] = functions[said[1]]
        result = judge(exercise, check, here.session, here.fixtures)
        assert result.outcome is not Outcome.GRADER_ERROR, result.message
        assert result.score < result.points, seed


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_the_right_solution_beside_them_keeps_every_point(assignment: str) -> None:
    functions = _functions(_base(assignment))
    for seed in SEEDS:
        here = course(assignment, seed)
        here.functions.update(functions)
        for exercise in here.lab.exercises:
            grade = judge_exercise(exercise, here.session, here.fixtures)
            lost = [f"{c.name}: {c.message}" for c in grade.checks if c.score < c.points]
            assert not lost, seed
