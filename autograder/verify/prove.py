"""`moelab verify`: prove every exercise of an assignment, and its committed files."""

from __future__ import annotations

import multiprocessing
import sys
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from functools import partial
from pathlib import Path

from autograder.authoring.assignment import PROSE, Assignment
from autograder.authoring.exercise import Exercise
from autograder.edition.write import FOLDER, stale_files
from autograder.grading.fixtures import Fixtures
from autograder.interpreter import isolate_children
from autograder.otter.package.read_back import package_tests
from autograder.seeds import bench_seed_of
from autograder.verify.leaks import files_give_nothing_away
from autograder.verify.promises import promises_are_proved
from autograder.verify.records import Finding, Report, Rule
from autograder.verify.secrets import secrets_of
from autograder.verify.trying import FIRST_SEED, ROUNDS, Verdict, guarded, try_by_name, try_exercise
from moelab_kit.bench import bench_of

Progress = Callable[[str], None]


def verify(
    assignment: Assignment,
    root: Path,
    progress: Progress = lambda line: None,
    *,
    course: str = "",
    jobs: int = 1,
    rounds: int = ROUNDS,
    write: bool = False,
    only: Collection[str] = (),
) -> Report:
    """Prove an assignment; `root` is the repository, which holds `assignments/`.

    `progress` is told in a line what is being done. `course` is the assignment's own, as `courses`
    writes it; without it, the package that the assignment was imported from. With more than one
    job, exercises are tried in that many processes, which load the course anew. `rounds` is the
    number of seeds. With `only`, these exercises are proved and nothing that concerns the whole
    assignment. `write` keeps which checks catch which chaff, in the exercises' `catches.json`.
    Never raises for what a course does wrong: that is a finding, also where an
    exercise makes the verifier itself stop.
    """
    verdicts: dict[str, Verdict] = {}
    wanted = [one for one in assignment.exercises if not only or one.name in only]
    total = len(wanted)
    for name, verdict in _verdicts(assignment, wanted, root, course, jobs, rounds, write):
        verdicts[name] = verdict
        state = "to repair" if verdict.findings else "ok"
        progress(f"{assignment.name}: {len(verdicts)}/{total} {name}: {state}")
    names = [exercise.name for exercise in wanted]
    findings = [finding for name in names for finding in verdicts[name].findings]
    not_run = {(name, rule) for name in names for rule in verdicts[name].not_run}
    promises = promises_are_proved(assignment, root)
    findings += [one for one in promises if not only or one.exercise in only]
    if not only:
        progress(f"{assignment.name}: committed files")
        findings += _files(assignment, root, doubtful={name for name, _ in not_run})
    if not names:
        message = f"{assignment.name}: the assignment has no exercises. Add one to its `parts`."
        findings.append(Finding("", Rule.REFERENCE, message))
    return Report(
        assignment=assignment.name,
        exercises=tuple(names),
        possible=sum(exercise.possible for exercise in wanted),
        findings=tuple(dict.fromkeys(findings)),
        not_run=frozenset(not_run),
        margins=tuple(margin for name in names for margin in verdicts[name].margins),
        whole=not only,
    )


def _verdicts(
    assignment: Assignment,
    wanted: Sequence[Exercise],
    root: Path,
    course: str,
    jobs: int,
    rounds: int,
    write: bool,
) -> Iterator[tuple[str, Verdict]]:
    """The verdict on each exercise that is wanted, as they come."""
    jobs = min(jobs, len(wanted))
    if jobs <= 1:
        for exercise in wanted:
            yield exercise.name, try_exercise(assignment.name, exercise, root, rounds, write)
        return
    course = course or wanted[0].module_name.split(".")[0]
    isolate_children()
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=context, initializer=_end_with_parent) as pool:
        running = {
            pool.submit(try_by_name, course, assignment.name, e.name, root, rounds, write): e.name
            for e in sorted(wanted, key=_work, reverse=True)
        }
        for future in as_completed(running):
            yield running[future], _result(running[future], future)


def _end_with_parent() -> None:
    """In a new process: end with the command, also where that is killed."""
    parent = multiprocessing.parent_process()
    if sys.platform == "linux" and parent is not None:
        from autograder import linux

        linux.end_with(parent.sentinel)


def _work(exercise: Exercise) -> int:
    """Roughly how long an exercise takes to try: the longest ones start first."""
    return len(exercise.chaffs) * len(exercise.checks)


def _result(name: str, future: Future[Verdict]) -> Verdict:
    """A verdict from another process; a process that ended without one is a finding."""
    verdicts: list[Verdict] = []

    def take() -> Iterator[Finding]:
        verdicts.append(future.result())
        yield from verdicts[0].findings

    findings = tuple(guarded(name, name, Rule.REFERENCE, take))
    waiting = frozenset(Rule) - {Rule.REFERENCE, Rule.PROMISES}
    return verdicts[0] if verdicts else Verdict(findings, waiting)


def _files(assignment: Assignment, root: Path, doubtful: Collection[str]) -> list[Finding]:
    """Rule 6; the right answers of `doubtful` references are not looked for.

    What Otter will test is built too, so that an autograder that tests nothing is found.
    """
    guard = partial(guarded, "", assignment.name, Rule.FILES)
    found = guard(lambda: _stale(assignment, root))
    found += guard(lambda: _unlisted_prose(assignment, root))
    found += guard(lambda: _otter_tests(assignment))
    bench = bench_of(assignment.packages, bench_seed_of(FIRST_SEED))
    fixtures = Fixtures(assignment.name, FIRST_SEED, bench)
    secrets = partial(secrets_of, assignment.exercises, fixtures, doubtful)
    return found + guard(lambda: files_give_nothing_away(assignment, root, secrets()))


def _stale(assignment: Assignment, root: Path) -> Iterator[Finding]:
    """Committed files that are out of date; a lab that was never built is one fact, not many."""
    place = f"{FOLDER}/{assignment.name}"
    lines = stale_files(assignment, root)
    if lines and not (root / place).is_dir():
        lines = [f"{place}/ is missing: run `moelab build {assignment.name}` and commit it"]
    for line in lines:
        yield Finding("", Rule.FILES, line)


def _unlisted_prose(assignment: Assignment, root: Path) -> Iterator[Finding]:
    """Text that lies with the prose and that no student will see."""
    for path in sorted((assignment.folder / PROSE).glob("*.md")):
        if path not in assignment.prose:
            where = path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)
            message = (
                f"{where} is no part of the assignment, so students do not see it. Add "
                f'`Prose("{path.name}")` to `parts`, or delete it.'
            )
            yield Finding("", Rule.FILES, message)


def _otter_tests(assignment: Assignment) -> Iterator[Finding]:
    """`BuildError` where Otter would not test the assignment."""
    package_tests(assignment)
    yield from ()
