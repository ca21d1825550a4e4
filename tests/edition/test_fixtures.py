"""Fixtures are declared by the course, and a lab's requirements hold what its notebook needs."""

from __future__ import annotations

import sys
from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest

from autograder import Exercise, fixture
from autograder.authoring.fixture import fixtures_of, wanted_by
from autograder.edition.errors import BuildError
from autograder.edition.needed import needed_by
from autograder.grading.fixtures import Fixtures
from moelab_kit.bench import EmptyBench
from moelab_kit.law import UnknownFixture, values_of


def package(name: str, **values: object) -> ModuleType:
    module = ModuleType(name)
    module.__path__ = []
    vars(module).update(values)
    return module


@fixture
def sizes(rng: np.random.Generator) -> list[int]:
    """Three sizes."""
    return [int(one) for one in rng.integers(1, 100, size=3)]


@fixture
def largest(sizes: list[int]) -> int:
    """The largest of the sizes."""
    return max(sizes)


def nearer() -> str:
    """Another fixture of the same name."""
    return "of the lab"


@pytest.fixture
def exercise(monkeypatch: pytest.MonkeyPatch) -> Exercise:
    """An exercise of a course with two fixtures, one of which its lab replaces."""
    nearer.__name__ = "largest"
    modules = {
        "fixed": package("fixed"),
        "fixed.fixtures": package("fixed.fixtures", sizes=sizes, largest=largest, other=max),
        "fixed.lab": package("fixed.lab"),
        "fixed.lab.fixtures": package("fixed.lab.fixtures", largest=fixture(nearer)),
        "fixed.plain": package("fixed.plain"),
    }
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setattr(modules["fixed.plain"], "__spec__", None)
    made = Exercise("adds")

    def adds(a: int) -> int:
        return a

    adds.__module__ = "fixed.lab"
    made.reference = adds
    return made


def check_of(exercise: Exercise, function):
    function.__doc__ = "A check."
    return exercise.law(points=1)(function)


def test_the_nearest_fixture_of_a_name_counts(exercise):
    assert set(fixtures_of(exercise)) == {"sizes", "largest"}
    assert fixtures_of(exercise)["largest"] is nearer


def test_a_fixture_draws_from_the_rng_of_its_check_and_is_made_once(exercise):
    check = check_of(exercise, lambda answer, sizes, rng: None)
    drawn = Fixtures("lab", "seed", EmptyBench()).of(exercise, check)
    again = Fixtures("lab", "seed", EmptyBench()).of(exercise, check)
    other = Fixtures("lab", "another", EmptyBench()).of(exercise, check)
    assert drawn["sizes"] == again["sizes"] != other["sizes"]
    values = values_of(
        ["sizes", "largest"],
        {"rng": lambda: np.random.default_rng(0), "sizes": sizes, "largest": largest},
    )
    assert values["largest"] == max(values["sizes"])


def test_a_public_check_takes_along_what_its_fixtures_need():
    outer = Exercise("outer")
    outer.reference = fixtures_of  # of a module without fixtures
    assert wanted_by(lambda answer, largest: None, outer) == {}


def test_a_check_that_asks_for_what_nobody_declares_hears_what_there_is(exercise):
    check = check_of(exercise, lambda answer, bench: None)
    with pytest.raises(TypeError, match=r"no fixture 'bench'; .* rng, shared_rng, sizes, largest"):
        Fixtures("lab", "seed", EmptyBench()).of(exercise, check)
    with pytest.raises(UnknownFixture):
        values_of(["nothing"], {})
    with pytest.raises(ValueError, match="needs itself"):
        values_of(["one"], {"one": lambda two: two, "two": lambda one: one})


def test_a_fixture_needs_a_docstring_and_a_name_of_its_own():
    def rng():
        """Mine."""

    with pytest.raises(ValueError, match="the engine has a fixture 'rng'"):
        fixture(rng)
    with pytest.raises(ValueError, match="needs a docstring"):
        fixture(lambda: 1)


def test_requirements_hold_what_notebook_and_readme_need(toy_course):
    lab = toy_course.load()
    lines = needed_by(replace(lab, requirements=("scipy>=1.13", "Torch==2.9.0")))
    assert lines[:2] == ("scipy>=1.13", "Torch==2.9.0"), "what the author says stays"
    names = [line.partition(">")[0].partition("=")[0] for line in lines]
    assert {"otter-grader", "jupyterlab", "ipykernel", "transformers"} <= set(names)
    assert "torch" not in names


@pytest.mark.parametrize("line", ["otter-grader<7", "otter-grader==6.1", "torch==1.13", "no such"])
def test_requirements_that_leave_out_what_the_notebook_needs_are_refused(toy_course, line):
    with pytest.raises(BuildError, match="requirement"):
        needed_by(replace(toy_course.load(), requirements=(line,)))
