"""The rules on grades: each reads the trials of one exercise and yields what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any

from autograder.authoring.exercise import Check
from autograder.edition.otter_tests import otter_test
from autograder.verify.records import Finding, Rule
from autograder.verify.solutions import blank_of, reference_of
from autograder.verify.trials import Trial, Trials, line_of


def declared(trials: Trials) -> Iterator[Finding]:
    """An exercise has checks, points, correct and wrong solutions: 0 of 0 proves nothing."""
    exercise = trials.exercise
    if not exercise.checks or exercise.possible <= 0:
        message = "the exercise has no checks with points. Add `@exercise.law(points=…)`."
        yield trials.finding(Rule.REFERENCE, message)
    for check in exercise.checks:
        if not check.points > 0:
            message = f"check {check.name!r} is worth {check.points:g} points. Give it some."
            yield trials.finding(Rule.REFERENCE, message, check.function)
    if not exercise.wheats:
        message = "there is no second correct solution. Add one with `@exercise.wheat`."
        yield trials.finding(Rule.WHEATS, message)
    if not exercise.chaffs:
        message = "there is no known-wrong solution. Add one with `@exercise.chaff(caught_by=…)`."
        yield trials.finding(Rule.CHAFFS, message)


def reference_earns_all(trials: Trials) -> Iterator[Finding]:
    """Rule 1: the reference earns every point, the blank stub none."""
    for trial, name in _once(trials.of("reference"), lambda trial: trial.not_passed):
        yield trials.finding(
            Rule.REFERENCE,
            f"the reference does not pass check {name!r} with {trial.round} "
            f"({trial.how(name)}). Repair the reference or the check.",
        )
    for _, name in _once(trials.of("blank"), lambda trial: trial.passed):
        yield trials.finding(
            Rule.REFERENCE,
            f"the blank stub passes check {name!r}. Make the check ask for a right value.",
            trials.check(name),
        )


def notebook_checks_agree(trials: Trials) -> Iterator[Finding]:
    """Rule 1: the public checks, as students get them, pass the reference and not the stub."""
    exercise = trials.exercise
    namespace: dict[str, Any] = {"__name__": exercise.name}
    code = compile(otter_test(exercise), f"<public checks of {exercise.name}>", "exec")
    exec(code, namespace)  # noqa: S102 (the course's own code)
    for check in (check for check in exercise.checks if not check.hidden):
        ask = namespace[check.name].test_func
        wrong = _assertion(ask, reference_of(exercise).function)
        if wrong:
            yield trials.finding(
                Rule.REFERENCE,
                f"in the notebook the reference does not pass the public check {check.name!r} "
                f"({wrong}). Make the check depend only on its arguments and on the lab.",
                check.function,
            )
        if not _assertion(ask, blank_of(exercise).function):
            yield trials.finding(
                Rule.REFERENCE,
                f"in the notebook the blank stub passes the public check {check.name!r}. "
                "Make the check ask for a right value.",
                check.function,
            )


def wheats_earn_all(trials: Trials) -> Iterator[Finding]:
    """Rule 2: every other correct solution earns every point."""
    for trial, name in _once(trials.of("wheat"), lambda trial: trial.not_passed):
        yield trials.finding(
            Rule.WHEATS,
            f"{trial.solution} does not pass check {name!r} with {trial.round} "
            f"({trial.how(name)}). Loosen the check, or correct the solution.",
            trial.solution.function,
        )


def chaffs_fail_where_meant(trials: Trials) -> Iterator[Finding]:
    """Rule 3: every chaff fails the checks that it names, and besides those kept in a file."""
    chaffs = trials.of("chaff")
    for trial, _ in _once(chaffs, lambda trial: () if trial.failed else ("",)):
        yield trials.finding(
            Rule.CHAFFS,
            f"{trial.solution} earns every point with {trial.round}. "
            "Add a check that rejects it, or delete it.",
            trial.solution.function,
        )
    for trial, name in _once(chaffs, lambda trial: trial.named - trial.outcomes.keys()):
        message = f"{trial.solution} names {name!r}, no check of this exercise. Correct it."
        yield trials.finding(Rule.CHAFFS, message, trial.solution.function)
    for trial, name in _once(chaffs, lambda trial: trial.failed and trial.named & trial.passed):
        yield trials.finding(
            Rule.CHAFFS,
            f"{trial.solution} passes check {name!r} with {trial.round}, which should catch it. "
            "Sharpen the check, or take it out of `caught_by`.",
            trial.solution.function,
        )
    yield from _unlike_the_file(trials) if trials.exercise.catches else _caught_unawares(trials)


def _caught_unawares(trials: Trials) -> Iterator[Finding]:
    """Chaffs that fail more than they name, where no file keeps what catches them."""
    for trial, name in _once(trials.of("chaff"), lambda trial: trial.failed - trial.named):
        yield trials.finding(
            Rule.CHAFFS,
            f"{trial.solution} also fails check {name!r} with {trial.round} ({trial.how(name)}). "
            "If that is right, `moelab verify --write` keeps it in catches.json; "
            "else make the chaff wrong in one thing only.",
            trial.solution.function,
        )


def _unlike_the_file(trials: Trials) -> Iterator[Finding]:
    """What the file that keeps the catches does not say, or says no longer."""
    exercise = trials.exercise
    chaffs = _by_solution(trials, "chaff")
    for trial in (rounds[0] for rounds in chaffs):
        name = trial.solution.name
        caught, kept = trial.caught_by(exercise), exercise.catches.get(name)
        if caught and caught != kept:
            was = "which is not in catches.json" if kept is None else f"not {_list(kept)} as kept"
            yield trials.finding(
                Rule.CHAFFS,
                f"{trial.solution} fails {_list(caught)}, {was}. If that is right, "
                f"`moelab verify --write` keeps this line: {line_of(name, caught)}",
                trial.solution.function,
            )
    for name in exercise.catches.keys() - {rounds[0].solution.name for rounds in chaffs}:
        message = f"catches.json keeps {name!r}, which is no chaff. Run `moelab verify --write`."
        yield trials.finding(Rule.CHAFFS, message)


def _list(checks: Iterable[str]) -> str:
    return ", ".join(checks)


def hidden_checks_are_needed(trials: Trials) -> Iterator[Finding]:
    """Rule 4: every hidden check catches a chaff that no public check catches, in every round."""
    public = {check.name for check in trials.exercise.checks if not check.hidden}
    for check in (check for check in trials.exercise.checks if check.hidden):
        if not any(_is_alone(check, rounds, public) for rounds in _by_solution(trials, "chaff")):
            yield trials.finding(
                Rule.HIDDEN_CHECKS,
                f"the hidden check {check.name!r} catches no chaff that the public checks let "
                "through. Add such a chaff, or delete the check.",
                check.function,
            )


def results_are_stable(trials: Trials) -> Iterator[Finding]:
    """Rule 5: every solution fares the same in every round."""
    for kind in ("reference", "wheat", "chaff"):
        for rounds in _by_solution(trials, kind):
            first = rounds[0]
            for name, outcome in first.outcomes.items():
                other = next((t for t in rounds[1:] if t.outcomes[name] is not outcome), None)
                if other is not None:
                    yield trials.finding(
                        Rule.STABLE,
                        f"{first.solution} in check {name!r}: {outcome} with {first.round}, "
                        f"{other.outcomes[name]} with {other.round}. "
                        "Draw inputs on which the result does not depend on luck.",
                        trials.check(name),
                    )


def nothing_earns_nothing(trials: Trials) -> Iterator[Finding]:
    """Rule 7: a function that answers everything in the same way passes no check."""
    for trial, name in _once(trials.of("nothing"), lambda trial: trial.passed):
        yield trials.finding(
            Rule.NOTHING,
            f"a function that {trial.solution.name} passes check {name!r}. "
            "Make the check ask for a right value.",
            trials.check(name),
        )


def memory_earns_nothing(trials: Trials) -> Iterator[Finding]:
    """Rule 8: a table of the public checks' calls passes no check of a grading run."""
    for trial, name in _once(trials.of("memory"), lambda trial: trial.passed):
        yield trials.finding(
            Rule.MEMORY,
            f"a table of what the public checks ask in the notebook passes check {name!r} with "
            f"{trial.round} (it {trial.solution.name} for any other call). "
            "Draw an input of the check from `rng`.",
            trials.check(name),
        )


def _once(
    trials: Iterable[Trial], pick: Callable[[Trial], Collection[str]]
) -> Iterator[tuple[Trial, str]]:
    """What `pick` finds in trials, for each solution and check in the first round only."""
    seen: set[tuple[str, str]] = set()
    for trial in trials:
        for name in sorted(pick(trial)):
            if (trial.solution.name, name) not in seen:
                seen.add((trial.solution.name, name))
                yield trial, name


def _is_alone(check: Check, rounds: list[Trial], public: set[str]) -> bool:
    return all(check.name in trial.failed and public <= trial.passed for trial in rounds)


def _by_solution(trials: Trials, kind: str) -> list[list[Trial]]:
    names = dict.fromkeys(trial.solution.name for trial in trials.of(kind))
    return [[t for t in trials.of(kind) if t.solution.name == name] for name in names]


def _assertion(ask: Callable[[Any], None], function: Callable[..., Any]) -> str:
    """What an emitted check says against a function; "" when it passes."""
    try:
        ask(function)
    except AssertionError as wrong:
        return str(wrong) or "failed"
    return ""
