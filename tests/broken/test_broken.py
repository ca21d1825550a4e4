"""Every broken or odd submission gets the fair grade, and is told what is wrong with it."""

from __future__ import annotations

import pytest
from broken_suite import Case, cannot_try, cases, outcomes, said

from autograder.records import Grade

pytestmark = [pytest.mark.slow, pytest.mark.sandbox]

CASES = cases()


def test_there_are_enough_cases_and_no_two_of_one_name() -> None:
    assert len(CASES) >= 30
    assert len({case.name for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_broken_submission_gets_the_fair_grade(case: Case, grades: dict[str, Grade]) -> None:
    if reason := cannot_try(case):
        pytest.skip(reason)
    grade = grades[case.name]
    words = said(grade)
    assert grade.status.value == case.status, words
    assert outcomes(grade) == case.graded, words
    for part in case.says:
        assert part in words


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_whoever_loses_points_is_told_why(case: Case, grades: dict[str, Grade]) -> None:
    if reason := cannot_try(case):
        pytest.skip(reason)
    grade = grades[case.name]
    assert grade.score == grade.possible or said(grade)
    for letter in said(grade):
        assert letter.isprintable() or letter in "\n\t", said(grade)
