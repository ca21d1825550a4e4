"""The test files of an autograder package, read back by Otter before anybody relies on them."""

from __future__ import annotations

import math
from collections.abc import Mapping

from otter.test_files import ExceptionTestFile

from autograder.authoring.assignment import Assignment
from autograder.edition.errors import BuildError
from autograder.otter.handover import otter_test_files


def package_tests(assignment: Assignment) -> dict[str, str]:
    """Otter test files for all public and hidden checks, by file name.

    Raises `BuildError` unless Otter finds in them every check with its points, and no other.
    """
    tests = otter_test_files(assignment)
    _must_test_everything(assignment, tests)
    return tests


def _must_test_everything(assignment: Assignment, tests: Mapping[str, str]) -> None:
    """Let Otter read the tests, and compare with the assignment: nothing less, nothing more."""
    read = [_read(assignment, name, text) for name, text in tests.items()]
    found = [
        (file.name, case.name, case.hidden, float(case.points))
        for file in read
        for case in file.test_cases
    ]
    wanted = [
        (exercise.name, check.title, check.hidden, float(check.points))
        for exercise in assignment.exercises
        for check in exercise.checks
    ]
    possible = sum(file.possible for file in read)
    if not found or possible <= 0:
        raise BuildError(
            f"{assignment.name}: the autograder would test nothing and give every submission full "
            "marks for 0 of 0 points; declare exercises with checks that have points"
        )
    if found != wanted or not math.isclose(possible, assignment.possible):
        different = next((w for w, f in zip(wanted, found, strict=False) if w != f), wanted[-1])
        raise BuildError(
            f"{assignment.name}: Otter does not read the check {different[1]!r} of {different[0]} "
            "as it is declared; give each check of an exercise a name of its own"
        )


def _read(assignment: Assignment, name: str, text: str) -> ExceptionTestFile:
    try:
        return ExceptionTestFile.from_string(text, path=name)
    except Exception as error:
        raise BuildError(
            f"{assignment.name}: Otter cannot read its test file {name} ({type(error).__name__}: "
            f"{error}); a check must not be called like a word of Otter's, such as `points`"
        ) from error
