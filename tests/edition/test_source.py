"""Standalone source cut out of course modules."""

from __future__ import annotations

import inspect
import re
from typing import Any

import pytest
import torch

from autograder.authoring.exercise import Exercise
from autograder.edition.errors import BuildError
from autograder.edition.source import script, solution_source, stub_source

ROUTING = torch.tensor([[0, 1], [1, 2], [1, 3]])


def run(source: str, name: str, **given: Any) -> Any:
    namespace: dict[str, Any] = dict(given)
    exec(compile(source, "<test>", "exec"), namespace)
    return namespace[name]


def exercise_named(course, name: str) -> Exercise:
    return course.load().exercise(name)


def test_a_stub_holds_signature_docstring_and_nothing_of_the_solution(toy_course):
    exercise = exercise_named(toy_course, "expert_load")
    assert stub_source(exercise) == (
        "import torch\n\n\n"
        "def expert_load(indices: torch.Tensor, num_experts: int) -> torch.Tensor:\n"
        '    """Return the share of routing slots per expert, [E] float32.\n\n'
        "    `indices` is int64 [T, k] with values below `num_experts`.\n"
        '    """\n'
        "    raise NotImplementedError\n"
    )


def test_a_stub_raises_not_implemented(toy_course):
    for exercise in toy_course.load().exercises:
        stub = run(stub_source(exercise), exercise.name)
        with pytest.raises(NotImplementedError):
            stub(*inspect.signature(stub).parameters)


def test_a_signature_over_several_lines_keeps_its_layout(toy_course):
    source = stub_source(exercise_named(toy_course, "load_gap"))
    assert "def load_gap(\n    indices: torch.Tensor,\n    num_experts: int,\n) -> float:" in source


@pytest.mark.slow
def test_a_solution_brings_its_helpers_constants_and_imports(toy_course):
    exercise = exercise_named(toy_course, "expert_load")
    source = solution_source(exercise, exercise.solution_function)
    assert "toycourse" not in source
    assert "autograder" not in source
    assert torch.equal(
        run(source, "expert_load")(ROUTING, 4), exercise.solution_function(ROUTING, 4)
    )


def test_comments_and_other_decorators_stay_and_course_decorators_go(toy_course):
    exercise = exercise_named(toy_course, "expert_load")
    source = solution_source(exercise, exercise.solution_function)
    assert "# every token fills k slots" in source
    assert "SLOTS = 1  # what one slot counts" in source
    assert "@torch.no_grad()" in source
    assert "exercise" not in source.replace("torch", "")


def test_a_helper_imported_under_another_name_is_called_by_its_own(toy_course):
    exercise = exercise_named(toy_course, "expert_load")
    source = solution_source(exercise, exercise.solution_function)
    assert "slots_of" not in source
    assert "counts_of(indices, num_experts)" in source


def test_a_chaff_takes_the_name_of_the_exercise_also_where_it_calls_the_reference(toy_course):
    exercise = exercise_named(toy_course, "expert_load")
    chaff = next(chaff for chaff in exercise.chaffs if chaff.name == "divides_by_tokens")
    source = solution_source(exercise, chaff.function)
    assert re.findall(r"def (\w+)", source) == ["counts_of", "_expert_load", "expert_load"]
    assert float(run(source, "expert_load")(ROUTING, 4).sum()) == pytest.approx(2.0)


@pytest.mark.slow
def test_every_wheat_and_chaff_behaves_as_it_does_in_the_course(toy_course):
    assignment = toy_course.load()
    load = assignment.exercise("expert_load").solution_function
    for exercise in assignment.exercises:
        args = (load(ROUTING, 4),) if exercise.name == "busiest_expert" else (ROUTING, 4)
        for solution in (*exercise.wheats, *exercise.chaffs):
            copied = run(
                solution_source(exercise, solution.function), exercise.name, expert_load=load
            )
            got, expected = copied(*args), solution.function(*args)
            assert torch.equal(torch.as_tensor(got), torch.as_tensor(expected)), solution.name


def test_another_exercises_solution_is_expected_in_the_notebook(toy_course):
    exercise = exercise_named(toy_course, "load_gap")
    source = solution_source(exercise, exercise.solution_function)
    assert "import expert_load" not in source
    assert "def expert_load" not in source
    assert (
        run(source, "load_gap", expert_load=lambda i, e: torch.tensor([0.25, 0.75]))(None, 2) == 0.5
    )


def test_helpers_of_two_modules_with_one_name_stay_apart(toy_course):
    toy_course.edit(
        "expert_load.py",
        "    # every token fills k slots\n",
        "    counts = counts * counts_of()\n",
    )
    toy_course.edit("expert_load.py", "EVEN = 4", "def counts_of():\n    return 1\n\n\nEVEN = 4")
    exercise = exercise_named(toy_course, "expert_load")
    source = solution_source(exercise, exercise.solution_function)
    expected = torch.tensor([1, 3, 1, 1]) / 6
    assert torch.equal(run(source, "expert_load")(ROUTING, 4), expected)


def test_a_local_name_like_a_global_one_is_left_alone(toy_course):
    toy_course.edit(
        "busiest_expert.py",
        "    return busiest_expert(load)\n",
        "    EVEN = busiest_expert(load)\n    return EVEN\n",
    )
    toy_course.edit("busiest_expert.py", "@exercise.wheat", "EVEN = 1 / 1\n\n\n@exercise.wheat")
    exercise = exercise_named(toy_course, "busiest_expert")
    chaff = next(c for c in exercise.chaffs if c.name == "returns_minus_one_for_nothing")
    source = solution_source(exercise, chaff.function)
    assert "1 / 1" not in source
    assert run(source, "busiest_expert")(torch.tensor([1.0, 3.0])) == 1


def test_a_name_inside_an_f_string_is_followed_and_renamed(toy_course):
    toy_course.edit(
        "busiest_expert.py",
        "    return busiest_expert(load)\n",
        '    return int(f"{busiest_expert(load)}")\n',
    )
    exercise = exercise_named(toy_course, "busiest_expert")
    chaff = next(c for c in exercise.chaffs if c.name == "returns_minus_one_for_nothing")
    source = solution_source(exercise, chaff.function)
    assert run(source, "busiest_expert")(torch.tensor([1.0, 3.0])) == 1


def test_a_solution_may_use_what_students_have(toy_course):
    toy_course.edit(
        "busiest_expert.py",
        "    largest = load.max()",
        "    assert not difference(load, load)\n    largest = load.max()",
    )
    toy_course.edit(
        "busiest_expert.py",
        "from moelab_kit import Answer",
        "from moelab_kit import Answer\nfrom moelab_kit.compare import difference",
    )
    exercise = exercise_named(toy_course, "busiest_expert")
    source = solution_source(exercise, exercise.solution_function)
    assert "from moelab_kit.compare import difference" in source


def test_a_solution_that_needs_the_grader_is_refused(toy_course):
    toy_course.edit(
        "busiest_expert.py", "    largest = load.max()", "    given()\n    largest = load.max()"
    )
    toy_course.edit(
        "busiest_expert.py",
        "from autograder import Exercise",
        "from autograder import Exercise, given",
    )
    exercise = exercise_named(toy_course, "busiest_expert")
    with pytest.raises(BuildError, match=r"given.*students"):
        solution_source(exercise, exercise.solution_function)


def test_a_reference_without_docstring_is_refused(toy_course):
    toy_course.edit(
        "load_gap/__init__.py",
        '    """Return the gap between the busiest and the idlest expert, between 0 and 1."""\n',
        "",
    )
    with pytest.raises(BuildError, match="load_gap needs a docstring"):
        stub_source(exercise_named(toy_course, "load_gap"))


def test_a_script_of_several_solutions_can_be_executed(toy_course):
    assignment = toy_course.load()
    sources = [solution_source(e, e.solution_function) for e in assignment.exercises]
    assert run(script(sources), "load_gap")(ROUTING, 4) == pytest.approx(2 / 6)
