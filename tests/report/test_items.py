"""Item statistics: they agree with an independent computation, and say in words what they mean."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from autograder.records import CheckResult, ClassGrades, ExerciseGrade, Grade, Outcome
from autograder.report.items import Flag, Item, item_statistics
from autograder.report.page import hundred


def class_of(run, columns: dict[str, list[Outcome]]) -> ClassGrades:
    """One exercise with a check per column of outcomes, and a student per row."""
    rows = zip(*columns.values(), strict=True)
    grades = [
        Grade(
            student=f"student{number}",
            submission=f"{number}.ipynb",
            digest="",
            exercises=(
                ExerciseGrade(
                    name="route",
                    checks=tuple(
                        CheckResult(name=n, title=n, hidden=True, points=1.0, outcome=outcome)
                        for n, outcome in zip(columns, row, strict=True)
                    ),
                ),
            ),
        )
        for number, row in enumerate(rows)
    ]
    return ClassGrades(run=run, grades=tuple(grades))


def outcomes(passed: list[bool]) -> list[Outcome]:
    return [Outcome.PASSED if one else Outcome.FAILED for one in passed]


def check_items(class_grades: ClassGrades) -> dict[str, Item]:
    (exercise,) = item_statistics(class_grades)
    return {item.name: item for item in exercise.checks}


@pytest.mark.slow
def test_every_check_agrees_with_scipys_point_biserial_correlation(class_of_300):
    readable = [grade for grade in class_of_300.grades if grade.readable]
    compared = 0
    for place, exercise in enumerate(item_statistics(class_of_300)):
        for number, item in enumerate(exercise.checks):
            results = [(g.exercises[place].checks[number], g.score) for g in readable]
            judged = [pair for pair in results if pair[0].outcome is not Outcome.GRADER_ERROR]
            passed = np.array([check.outcome is Outcome.PASSED for check, _ in judged])
            rest = np.array([total - check.score for check, total in judged])
            assert item.n == len(judged)
            assert item.difficulty == pytest.approx(passed.mean())
            expected = stats.pointbiserialr(passed, rest).statistic
            assert item.discrimination == pytest.approx(expected, abs=1e-12)
            compared += 1
    assert compared == sum(len(exercise.checks) for exercise in readable[0].exercises) > 50


def test_every_exercise_agrees_with_scipys_correlation_with_the_rest(class_of_300):
    broken = Outcome.GRADER_ERROR
    readable = [grade for grade in class_of_300.grades if grade.readable]
    for place, exercise in enumerate(item_statistics(class_of_300)):
        judged = [
            (grade.exercises[place], grade.score)
            for grade in readable
            if all(check.outcome is not broken for check in grade.exercises[place].checks)
        ]
        scores = [one.score for one, _ in judged]
        rest = [total - one.score for one, total in judged]
        item = exercise.whole
        assert item.n == len(judged)
        assert item.difficulty == pytest.approx(np.mean(scores) / item.points)
        expected = stats.pearsonr(scores, rest).statistic
        assert item.discrimination == pytest.approx(expected, abs=1e-12)


def test_the_item_itself_is_removed_from_the_total(run):
    rng = np.random.default_rng(0)
    columns = {name: outcomes(list(rng.random(4000) < 0.5)) for name in ("one", "two")}
    for item in check_items(class_of(run, columns)).values():
        assert abs(item.discrimination) < 0.06  # the total that holds the item gives about 0.7


def test_flags_say_what_the_correlation_means(run):
    rng = np.random.default_rng(3)
    ability = rng.normal(size=200)
    columns = {f"anchor{n}": outcomes(list(ability > n / 4 - 1)) for n in range(8)}
    columns["noise"] = outcomes(list(ability + 6 * rng.normal(size=200) > 0))
    columns["backwards"] = outcomes(list(ability < 0))
    items = check_items(class_of(run, columns))
    assert items["anchor3"].flag is Flag.GOOD
    assert items["noise"].flag is Flag.WEAK
    assert items["backwards"].flag is Flag.NEGATIVE


def test_few_submissions_or_few_on_one_side_say_nothing(run):
    half = [True, False]
    nineteen = class_of(run, {"a": outcomes(half * 9 + [True]), "b": outcomes(half * 9 + [True])})
    assert check_items(nineteen)["a"].flag is Flag.FEW
    twenty = class_of(run, {"a": outcomes(half * 10), "b": outcomes(half * 10)})
    assert check_items(twenty)["a"].flag is Flag.GOOD
    lone = [False] * 4 + [True] * 96
    rare = class_of(run, {"a": outcomes(lone), "b": outcomes(lone)})
    assert check_items(rare)["a"].flag is Flag.FEW
    assert check_items(rare)["a"].discrimination == pytest.approx(1.0)


def test_where_everyone_passes_there_is_no_correlation(run):
    items = check_items(class_of(run, {"a": outcomes([True] * 30), "b": outcomes([True] * 30)}))
    assert items["a"].discrimination is None
    assert items["a"].flag is Flag.FEW
    assert items["a"].difficulty == 1.0


def test_what_could_not_be_judged_counts_neither_way(run):
    column = [Outcome.PASSED, Outcome.FAILED, Outcome.GRADER_ERROR]
    item = check_items(class_of(run, {"a": column}))["a"]
    assert (item.n, item.difficulty) == (2, 0.5)
    assert item.outcomes == Counter(column)


def test_older_submissions_and_unreadable_ones_are_left_out(run, make_grade):
    failed = (Outcome.FAILED, Outcome.FAILED)
    grades = (
        make_grade("ada"),
        replace(make_grade(submission="old.ipynb", outcomes=failed), replaced_by="x"),
        make_grade("bob", outcomes=failed, readable=False),
    )
    for exercise in item_statistics(ClassGrades(run=run, grades=grades)):
        assert (exercise.whole.n, exercise.whole.difficulty) == (1, 1.0)


def test_a_submission_of_another_revision_may_lack_a_check(run, make_grade):
    partial = replace(make_grade("bob"), exercises=make_grade().exercises[:1])
    found = item_statistics(ClassGrades(run=run, grades=(make_grade("ada"), partial)))
    assert [exercise.whole.n for exercise in found] == [2, 1]


def test_shares_of_a_bar_add_up_to_a_hundred():
    thirds = Counter({Outcome.PASSED: 1, Outcome.FAILED: 1, Outcome.ERROR: 1})
    assert sum(part for _, part in hundred(thirds)) == 100
    assert hundred(Counter({Outcome.FAILED: 7})) == [(Outcome.FAILED, 100)]
    assert hundred(Counter()) == []
