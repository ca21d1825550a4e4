"""Trying one exercise: every solution in every round, and the rules on what came of it."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import matplotlib

from autograder.authoring.course import load_assignment
from autograder.authoring.exercise import Exercise
from autograder.courses import packages_for
from autograder.edition.errors import BuildError
from autograder.grading.sessions import one_thread
from autograder.records import CheckResult, Outcome
from autograder.verify import rules
from autograder.verify.margins import margins_are_wide, margins_of, measuring
from autograder.verify.memory import from_memory
from autograder.verify.records import Finding, Margin, Rule
from autograder.verify.solutions import (
    Solution,
    blank_of,
    kept_with,
    nothing_answers,
    reference_of,
)
from autograder.verify.stage import Stage
from autograder.verify.trials import Trial, Trials, file_of

ROUNDS = 3  # seeds that everything is tried with, unless more are asked for
FIRST_SEED = "verify-1"

_AFTER_TRIALS: tuple[tuple[Rule, Callable[[Trials], Iterator[Finding]]], ...] = (
    (Rule.REFERENCE, rules.reference_earns_all),
    (Rule.REFERENCE, rules.notebook_checks_agree),
    (Rule.WHEATS, rules.wheats_earn_all),
    (Rule.CHAFFS, rules.chaffs_fail_where_meant),
    (Rule.HIDDEN_CHECKS, rules.hidden_checks_are_needed),
    (Rule.STABLE, rules.results_are_stable),
    (Rule.NOTHING, rules.nothing_earns_nothing),
    (Rule.MEMORY, rules.memory_earns_nothing),
    (Rule.MARGINS, margins_are_wide),
)
_NEED_A_REFERENCE = frozenset(
    {
        *(Rule.WHEATS, Rule.CHAFFS, Rule.HIDDEN_CHECKS, Rule.STABLE, Rule.NOTHING, Rule.MEMORY),
        Rule.MARGINS,
    }
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The findings on one exercise, and the rules that wait for their repair."""

    findings: tuple[Finding, ...]
    not_run: frozenset[Rule] = frozenset()
    margins: tuple[Margin, ...] = ()


def try_by_name(
    course: str,
    assignment: str,
    exercise: str,
    root: Path,
    rounds: int = ROUNDS,
    write: bool = False,
) -> Verdict:
    """`try_exercise` for another process, which has to load the course first."""
    found = load_assignment(assignment, course=course).exercise(exercise)
    return try_exercise(assignment, found, root, rounds, write)


def try_exercise(
    assignment: str, exercise: Exercise, root: Path, rounds: int = ROUNDS, write: bool = False
) -> Verdict:
    """Try the solutions of an exercise with `rounds` seeds and once more with the first.

    `write` keeps which checks catch which chaff, in the exercise's `catches.json`. Never raises for
    what a course does wrong: what makes the verifier stop is a finding.
    """
    matplotlib.use("Agg")
    trials = Trials(exercise, root)
    guard = partial(guarded, exercise.name, file_of(trials.root, exercise))
    findings = guard(Rule.REFERENCE, lambda: rules.declared(trials))
    with one_thread(), warnings.catch_warnings(action="ignore"):
        stopped = guard(Rule.REFERENCE, lambda: _try_all(trials, assignment, rounds))
        ready = not stopped and _reference_passes(trials)
        if write and ready:
            stopped += guard(Rule.CHAFFS, partial(_keep, trials))
        for rule, apply in _AFTER_TRIALS:
            if ready or rule is Rule.REFERENCE:
                findings += guard(rule, partial(apply, trials))
    not_run = frozenset[Rule]() if ready else _NEED_A_REFERENCE
    return Verdict((*findings, *stopped), not_run, tuple(margins_of(trials)))


def guarded(
    exercise: str, where: str, rule: Rule, findings: Callable[[], Iterator[Finding]]
) -> list[Finding]:
    """The findings of one step; what stops the step is a finding itself."""
    found: list[Finding] = []
    try:
        found.extend(findings())
    except BuildError as error:
        found.append(Finding(exercise, rule, str(error)))
    except Exception as error:
        message = (
            f"{where}: verifying stopped with {type(error).__name__}: {error} "
            f"({_innermost(error)}). Repair what raises it, then verify again."
        )
        found.append(Finding(exercise, rule, message))
    return found


def _try_all(trials: Trials, assignment: str, rounds: int) -> Iterator[Finding]:
    """Fill in the trials; nothing but the reference is tried once that has failed."""
    exercise = trials.exercise
    seeds = [f"verify-{number}" for number in range(1, rounds + 1)]
    packages = packages_for(exercise.module_name)
    stages = [Stage(assignment, seed, packages) for seed in (*seeds, FIRST_SEED)]
    _try(trials, stages, [reference_of(exercise)])
    if _reference_passes(trials):
        _try(trials, stages[:1], [blank_of(exercise), *nothing_answers()])
        _try(trials, stages, list(kept_with(exercise)))
        _try_memory(trials, stages[0])
    yield from ()


def _keep(trials: Trials) -> Iterator[Finding]:
    trials.keep_catches()
    yield from ()


def _try(trials: Trials, stages: Sequence[Stage], solutions: Sequence[Solution]) -> None:
    for place, stage in enumerate(stages):
        again = place > 0 and stage.seed == FIRST_SEED
        name = f"seed {stage.seed} again" if again else f"seed {stage.seed}"
        for solution in solutions:
            trials.trials.append(_trial(trials.exercise, stage, solution, name))


def _trial(exercise: Exercise, stage: Stage, solution: Solution, name: str) -> Trial:
    results: dict[str, CheckResult] = {}
    errors: dict[str, float] = {}

    def watch(result: CheckResult) -> None:
        results[result.name] = result
        errors[result.name] = farthest.take()

    with measuring() as farthest:
        stage.judge(exercise, solution.function, watch)
    return Trial(solution, name, results, errors)


def _try_memory(trials: Trials, stage: Stage) -> None:
    for how, session in from_memory(trials.exercise, stage.fixtures.bench):
        grade = stage.judge_session(trials.exercise, session)
        solution = Solution("memory", how, trials.exercise.solution_function)
        results = {result.name: result for result in grade.checks}
        trials.trials.append(Trial(solution, f"seed {stage.seed}", results))


def _reference_passes(trials: Trials) -> bool:
    """Whether there are checks, and the reference passes each of them in every round."""
    found = {outcome for trial in trials.of("reference") for outcome in trial.outcomes.values()}
    return found == {Outcome.PASSED}


def _innermost(error: Exception) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return "place unknown"
    return f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"
