"""Public checks as Otter test files."""

from __future__ import annotations

from typing import Any

import matplotlib
import matplotlib.pyplot as plt
import pytest
from otter.test_files import ExceptionTestFile

from autograder.edition.errors import BuildError
from autograder.edition.otter_tests import otter_test


def results(exercise, function: Any) -> str:
    file = ExceptionTestFile.from_string(otter_test(exercise))
    file.run({} if function is None else {exercise.name: function})
    return file.summary()


def expert_load(toy_course):
    return toy_course.load().exercise("expert_load")


def test_a_right_answer_passes(toy_course):
    exercise = expert_load(toy_course)
    assert "All test cases passed!" in results(exercise, exercise.solution_function)


def test_a_wrong_answer_fails_with_the_checks_own_words(toy_course):
    exercise = expert_load(toy_course)
    chaff = next(chaff for chaff in exercise.chaffs if chaff.name == "divides_by_tokens")
    assert "AssertionError: the shares add up to 2.000, not 1" in results(exercise, chaff.function)


def test_a_stub_is_told_to_be_written(toy_course):
    def stub(indices, num_experts):
        raise NotImplementedError

    told = results(expert_load(toy_course), stub)
    assert "expert_load is not written yet: replace `raise NotImplementedError`" in told


def test_an_undefined_function_is_told_to_be_defined(toy_course):
    assert "expert_load is not defined: run the cell" in results(expert_load(toy_course), None)


def test_something_that_is_no_function_is_named(toy_course):
    assert "expert_load is a list of 1, not a function" in results(expert_load(toy_course), [1])


def test_an_exception_is_told_with_the_students_own_line(toy_course):
    def divide(indices):
        return indices.numel() / 0

    def load(indices, num_experts):
        return divide(indices)

    told = results(expert_load(toy_course), load)
    assert "expert_load raised ZeroDivisionError: division by zero" in told
    assert "in divide, line" in told
    assert "return indices.numel() / 0" in told


def test_an_answer_that_the_check_cannot_use_is_described(toy_course):
    exercise = toy_course.load().exercise("load_gap")
    told = results(exercise, lambda indices, num_experts: None)
    assert "the check could not use what load_gap returned, None: TypeError" in told


def test_leaving_python_is_a_failed_check(toy_course):
    def leave(indices, num_experts):
        raise SystemExit

    assert "expert_load raised SystemExit" in results(expert_load(toy_course), leave)


def test_words_in_angle_brackets_stay_visible_in_html(toy_course):
    def load(indices, num_experts):
        raise TypeError("expected <class 'int'>")

    assert "‹class 'int'>" in results(expert_load(toy_course), load)


def test_a_check_closes_the_figures_that_it_opened_and_no_others(toy_course):
    def load(indices, num_experts):
        plt.figure()
        return indices

    matplotlib.use("Agg")
    mine = plt.figure()
    results(expert_load(toy_course), load)
    assert plt.get_fignums() == [mine.number]
    plt.close(mine)


def test_hidden_checks_are_left_out(toy_course):
    for exercise in toy_course.load().exercises:
        emitted = otter_test(exercise)
        for check in exercise.checks:
            assert (f"def {check.name}(" in emitted) is not check.hidden
            assert (check.title in emitted) is not check.hidden


def test_points_are_those_of_the_public_checks(toy_course):
    file = ExceptionTestFile.from_string(otter_test(expert_load(toy_course)))
    assert [case.points for case in file.test_cases] == [1]


def test_helpers_and_constants_come_along(toy_course):
    emitted = otter_test(expert_load(toy_course))
    assert "def _example()" in emitted
    assert "# An example that students see." in emitted
    assert "EVEN = 4" in emitted


def test_a_public_check_that_calls_the_reference_is_refused(toy_course):
    toy_course.edit(
        "expert_load.py",
        "    total = float(got.sum())",
        "    total = float(expert_load(_example(), EVEN).sum())",
    )
    with pytest.raises(BuildError, match=r"sums_to_one uses expert_load \(the reference"):
        otter_test(expert_load(toy_course))


def test_a_public_check_that_uses_a_part_of_the_reference_is_refused(toy_course):
    toy_course.edit(
        "expert_load.py",
        "    got = answer(_example(), EVEN)",
        "    got = answer(_example(), EVEN)\n    slots_of(_example(), EVEN)",
    )
    with pytest.raises(BuildError, match=r"sums_to_one uses counts_of .*a part of it"):
        otter_test(expert_load(toy_course))


def test_a_public_check_that_reaches_a_hidden_one_is_refused(toy_course):
    toy_course.edit(
        "expert_load.py", "    total = float(got.sum())", "    total = float(got.sum() + _secret())"
    )
    toy_course.edit(
        "expert_load.py", "EVEN = 4", "def _secret():\n    return random_routings\n\n\nEVEN = 4"
    )
    with pytest.raises(BuildError, match=r"sums_to_one uses random_routings .the hidden check"):
        otter_test(expert_load(toy_course))


def test_a_public_check_on_another_exercises_solution_is_refused(toy_course):
    toy_course.edit(
        "load_gap/checks.py",
        "        got = answer(indices, 4)",
        "        got = answer(indices, 4) + 0 * expert_load(indices, 4).sum()",
    )
    toy_course.edit(
        "load_gap/checks.py",
        "from . import exercise",
        "from ..expert_load import expert_load\nfrom . import exercise",
    )
    with pytest.raises(BuildError, match=r"extremes uses expert_load .another exercise's"):
        otter_test(toy_course.load().exercise("load_gap"))


def test_an_exercise_without_public_checks_is_refused(toy_course):
    toy_course.edit(
        "load_gap/checks.py", "@exercise.law(points=1,", "@exercise.law(points=1, hidden=True,"
    )
    with pytest.raises(BuildError, match="load_gap has no public check"):
        otter_test(toy_course.load().exercise("load_gap"))
