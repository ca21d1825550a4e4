"""`moelab verify`: try every solution of every exercise, and apply the rules to what happens."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import matplotlib
import torch

from autograder.authoring.assignment import Assignment
from autograder.authoring.exercise import Exercise
from autograder.build.errors import BuildError
from autograder.build.modules import read_module
from autograder.build.write import stale_files
from autograder.records import Outcome
from autograder.verify import rules
from autograder.verify.leaks import files_give_nothing_away
from autograder.verify.records import Finding, Report, Rule
from autograder.verify.rules import Trial, Trials
from autograder.verify.secrets import secrets_of
from autograder.verify.solutions import Solution, blank_of, others_of, reference_of
from autograder.verify.stage import Stage

SEEDS = ("verify-1", "verify-2", "verify-3")

Progress = Callable[[str], None]
Findings = Callable[[], Iterator[Finding]]

_AFTER_TRIALS: tuple[tuple[Rule, Callable[[Trials], Iterator[Finding]]], ...] = (
    (Rule.REFERENCE, rules.reference_earns_all),
    (Rule.REFERENCE, rules.notebook_checks_agree),
    (Rule.WHEATS, rules.wheats_earn_all),
    (Rule.CHAFFS, rules.chaffs_fail_where_named),
    (Rule.HIDDEN_CHECKS, rules.hidden_checks_are_needed),
    (Rule.STABLE, rules.results_are_stable),
    (Rule.NOTHING, rules.nothing_earns_nothing),
)
_NEED_A_REFERENCE = (
    Rule.WHEATS,
    Rule.CHAFFS,
    Rule.HIDDEN_CHECKS,
    Rule.STABLE,
    Rule.NOTHING,
)


def verify(assignment: Assignment, root: Path, progress: Progress = lambda line: None) -> Report:
    """Prove an assignment; `root` is the repository, which holds `assignments/`.

    `progress` is told in a line what is being done. Never raises for what a course does wrong: that
    is a finding, also where an exercise makes the verifier itself stop.
    """
    matplotlib.use("Agg")
    findings: list[Finding] = []
    not_run: set[tuple[str, Rule]] = set()
    with _one_thread():
        stages = [Stage(assignment.name, seed) for seed in (*SEEDS, SEEDS[0])]
        for number, exercise in enumerate(assignment.exercises, start=1):
            progress(f"{assignment.name}: {exercise.name} ({number}/{len(assignment.exercises)})")
            trials = Trials(exercise, _where(exercise, root))
            found, left_out = _prove(trials, stages)
            findings += found
            not_run |= {(exercise.name, rule) for rule in left_out}
        progress(f"{assignment.name}: files")
        doubtful = {exercise for exercise, _ in not_run}
        findings += _files(assignment, root, stages[0], doubtful)
    if not assignment.exercises:
        message = f"{assignment.name}: the assignment has no exercises. Add one to its `parts`."
        findings.append(Finding("", Rule.REFERENCE, message))
    return Report(
        assignment=assignment.name,
        exercises=tuple(exercise.name for exercise in assignment.exercises),
        possible=assignment.possible,
        findings=tuple(dict.fromkeys(findings)),
        not_run=frozenset(not_run),
    )


def _prove(trials: Trials, stages: Sequence[Stage]) -> tuple[list[Finding], set[Rule]]:
    """The findings on one exercise, and the rules that could not be tried."""
    exercise = trials.exercise
    guard = partial(_guarded, exercise.name, trials.where)
    findings = guard(Rule.REFERENCE, lambda: rules.declared(trials))
    stopped = guard(Rule.REFERENCE, lambda: _try(trials, stages, [reference_of(exercise)]))
    outcomes = {outcome for trial in trials.trials for outcome in trial.outcomes.values()}
    ready = not stopped and outcomes == {Outcome.PASSED}
    if ready:
        stopped += guard(Rule.REFERENCE, lambda: _try(trials, stages, [blank_of(exercise)]))
        stopped += guard(Rule.CHAFFS, lambda: _try(trials, stages, list(others_of(exercise))))
        ready = not stopped
    for rule, apply in _AFTER_TRIALS:
        if ready or rule is Rule.REFERENCE:
            findings += guard(rule, partial(apply, trials))
    return findings + stopped, set() if ready else set(_NEED_A_REFERENCE)


def _try(
    trials: Trials, stages: Sequence[Stage], solutions: Sequence[Solution]
) -> Iterator[Finding]:
    """Judge solutions in every round; the last round repeats the first seed from scratch."""
    for place, stage in enumerate(stages):
        name = f"seed {stage.seed}" if place < len(SEEDS) else f"seed {stage.seed} again"
        for solution in solutions:
            grade = stage.judge(trials.exercise, solution.function)
            results = {result.name: result for result in grade.checks}
            trials.trials.append(Trial(solution, name, results))
    yield from ()


def _files(
    assignment: Assignment, root: Path, stage: Stage, doubtful: Collection[str]
) -> list[Finding]:
    """Rule 6 for the whole assignment; the answers of `doubtful` references are not looked for."""
    guard = partial(_guarded, "", assignment.name, Rule.FILES)
    stale = guard(lambda: (Finding("", Rule.FILES, line) for line in stale_files(assignment, root)))
    secrets = partial(secrets_of, assignment.exercises, stage.material, doubtful)
    return stale + guard(lambda: files_give_nothing_away(assignment, root, secrets()))


def _guarded(exercise: str, where: str, rule: Rule, findings: Findings) -> list[Finding]:
    """The findings of one step; what stops the step is a finding itself."""
    found: list[Finding] = []
    try:
        found.extend(findings())
    except BuildError as error:
        found.append(Finding(exercise, rule, str(error)))
    except Exception as error:
        place = _innermost(error)
        message = (
            f"{where}: verifying stopped with {type(error).__name__}: {error} ({place}). "
            "Repair what raises it, then verify again."
        )
        found.append(Finding(exercise, rule, message))
    return found


def _innermost(error: Exception) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return "place unknown"
    return f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"


def _where(exercise: Exercise, root: Path) -> str:
    """The file of an exercise, as short as it goes."""
    if exercise.reference is None:
        return exercise.name
    path = read_module(exercise.module_name).path
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Torch in one thread: the same sums everywhere, and processor time is time."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
