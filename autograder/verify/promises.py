"""Rule 9: every promise of a statement is proved by a check, and every check proves a promise.

A rule for all exercises, which stands in the prose, is proved where a check of any exercise proves
it: an exercise on plots cannot say how a mask is read.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence, Set
from functools import partial
from pathlib import Path

from autograder.authoring.assignment import Assignment
from autograder.authoring.exercise import Exercise
from autograder.authoring.promises import Promise, promises_in
from autograder.verify.records import Finding, Rule
from autograder.verify.trials import finding_in
from autograder.verify.trying import guarded

_TO_DO = re.compile(r"\bTODO\b")
_LONGEST = 60  # characters of a sentence that is quoted


def promises_are_proved(assignment: Assignment, root: Path) -> list[Finding]:
    """What is wrong with the promises of an assignment in the repository `root`."""
    rules = {rule.key for rule in assignment.rules}
    named: set[str] = set()
    found: list[Finding] = []
    for exercise in assignment.exercises:
        proved = {key for check in exercise.checks for key in check.proves}
        apply = partial(_of_exercise, exercise, root, proved, rules)
        found += guarded(exercise.name, exercise.name, Rule.PROMISES, apply)
        named |= proved
    for path in assignment.prose:
        where = path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)
        apply = partial(_of_prose, path, where, assignment, named)
        found += guarded("", where, Rule.PROMISES, apply)
    return found


def _of_exercise(
    exercise: Exercise, root: Path, named: Collection[str], rules: Set[str]
) -> Iterator[Finding]:
    finding = partial(finding_in, root, exercise, Rule.PROMISES)
    promises = exercise.promises
    keys = {promise.key for promise in promises if promise.key}
    for message in _of_list(promises, named, _twice(promises) | (keys & rules)):
        yield finding(message)
    if _TO_DO.search(exercise.statement):
        yield finding("the statement still says TODO, and students would read it. Write that part.")
    for check in exercise.checks:
        if not check.proves:
            message = (
                f"check {check.name!r} proves no promise. Give it `proves=…` with the key of an "
                f"item of the statement ({_listed(keys)}) or of a rule ({_listed(rules)})."
            )
            yield finding(message, check.function)
        for key in check.proves:
            if key not in keys and key not in rules:
                message = (
                    f"check {check.name!r} proves {key!r}, the key of nothing in the statement "
                    f"({_listed(keys)}) or among the rules ({_listed(rules)}). Correct the key, or "
                    f"write the item `- [{key}] …`."
                )
                yield finding(message, check.function)


def _of_prose(
    path: Path, where: str, assignment: Assignment, named: Collection[str]
) -> Iterator[Finding]:
    if not path.is_file():
        return  # rule 6 says so
    items = promises_in(path.read_text(encoding="utf-8"))
    lists_of_rules = {item.list_number for item in items if item.key}
    rules = [item for item in items if item.list_number in lists_of_rules]
    for message in _of_list(rules, named, _twice(assignment.rules)):
        yield Finding("", Rule.PROMISES, f"{where}: {message}")


def _of_list(
    promises: Sequence[Promise], named: Collection[str], twice: Collection[str]
) -> Iterator[str]:
    """What is wrong with promises, of which `named` are proved; keys in `twice` are taken twice."""
    for key in dict.fromkeys(promise.key for promise in promises if promise.key in twice):
        yield (
            f"two promises have the key [{key}]. Rename one, also in `proves` of the checks that "
            "prove it."
        )
    for promise in promises:
        if not promise.key:
            yield (
                f"the item {_quoted(promise)} has no key. Write `- [key] …` and name the key in "
                "the `proves` of a check; what promises nothing belongs outside of the list."
            )
        elif promise.key not in named:
            yield (
                f"the promise [{promise.key}] {_quoted(promise)} is proved by no check. Give the "
                f'check that proves it, or a new one, `proves="{promise.key}"`.'
            )


def _twice(promises: Sequence[Promise]) -> set[str]:
    counts = Counter(promise.key for promise in promises if promise.key)
    return {key for key, count in counts.items() if count > 1}


def _listed(keys: Collection[str]) -> str:
    return ", ".join(sorted(keys)) or "none"


def _quoted(promise: Promise) -> str:
    text = promise.sentence
    return f"“{text if len(text) <= _LONGEST else text[: _LONGEST - 1].rstrip() + '…'}”"
