"""`moelab verify`: prove the assignments themselves."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from autograder.cli.common import (
    CannotStart,
    beside,
    course_option,
    example,
    find_course,
    load_assignments,
    root_option,
    told,
)
from autograder.courses import CourseError

if TYPE_CHECKING:
    from collections.abc import Callable

    from autograder.authoring.assignment import Assignment


@click.command(
    short_help="Prove the assignments themselves.",
    epilog=example("moelab verify moe_router_analysis", "moelab verify find_load_issues --watch"),
)
@click.argument("names", metavar="[ASSIGNMENT|EXERCISE]...", nargs=-1)
@click.option(
    "--mutants",
    is_flag=True,
    help="Instead: try every small change of the references, and list those that no check sees.",
)
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    default=os.cpu_count() or 1,
    show_default="number of cores",
    help="Exercises, or mutants, tried at once.",
)
@click.option(
    "--seeds",
    "rounds",
    type=click.IntRange(min=1),
    default=3,
    show_default=True,
    help="Seeds to try every solution with; more of them find checks that fail now and then.",
)
@click.option(
    "--write",
    is_flag=True,
    help="Keep which checks catch which known-wrong solution, in each exercise's catches.json.",
)
@click.option(
    "--watch",
    is_flag=True,
    help="Prove again at every save, until Ctrl-C.",
)
@click.option(
    "--cache",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File that keeps what came of each mutant; by default in your cache folder.",
)
@click.option(
    "--json",
    "json_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Also write what came of the mutants here.",
)
@click.option(
    "--table",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Also write the table of mutants here, as Markdown.",
)
@click.option(
    "--margins", is_flag=True, help="Also print how far answers are from each check's tolerance."
)
@root_option
@course_option
def verify(
    names: tuple[str, ...],
    mutants: bool,
    jobs: int,
    rounds: int,
    write: bool,
    watch: bool,
    cache: Path | None,
    json_file: Path | None,
    table: Path | None,
    margins: bool,
    root: Path | None,
    course: str | None,
) -> int:
    """Prove that right solutions earn every point and wrong ones lose theirs.

    Without a name, all assignments are verified. The name of an exercise proves it alone, within
    seconds; its committed files wait for the whole assignment. Exits 1 when something is wrong, and
    says what to do about it.
    """
    found = find_course(course)
    if mutants and (write or watch):
        raise click.UsageError("--write and --watch go with a proof, not with --mutants.")
    if mutants:
        from autograder.cli.mutants import Wanted, try_all

        chosen = _chosen(names, found)
        return try_all(chosen, Wanted(root or beside(found), jobs, cache, json_file, table))
    if cache or json_file or table:
        raise click.UsageError("--cache, --json and --table go with --mutants.")
    click.echo(_which(found), err=True)

    def prove() -> int:
        return _prove(names, found, root, jobs=jobs, rounds=rounds, write=write, margins=margins)

    return _keep_proving(found, prove) if watch else prove()


def _keep_proving(course: str, prove: Callable[[], int]) -> int:
    """Prove whenever a file is saved; Ctrl-C ends it."""
    from autograder.cli.watch import proofs
    from autograder.courses import folder_of, name_of, packages_of

    if not hasattr(os, "fork"):
        raise CannotStart("--watch needs Linux or macOS: elsewhere run `moelab verify` again.")
    import autograder.verify.prove  # noqa: F401 - once, for all proofs
    from moelab_kit import import_whole

    with told(CourseError):
        for package in packages_of(course):
            import_whole(package)
    folder, top = folder_of(course), name_of(course).partition(".")[0]
    for module in [one for one in sys.modules if one.partition(".")[0] == top]:
        del sys.modules[module]  # each proof imports the course anew
    for status in proofs(folder, lambda: _reported(prove)):
        if status is not None:
            click.echo(f"watching {folder}: save a file to prove again, Ctrl-C ends", err=True)
    return 0


def _reported(prove: Callable[[], int]) -> int:
    """A proof in a process of its own, where a course that cannot be loaded is told, too."""
    try:
        return prove()
    except click.ClickException as error:
        click.echo(f"moelab: {error.format_message()}", err=True)
        return 2


def _prove(
    names: tuple[str, ...],
    found: str,
    root: Path | None,
    *,
    jobs: int,
    rounds: int,
    write: bool,
    margins: bool,
) -> int:
    chosen = _chosen(names, found)
    from autograder.cli.output import wide_output
    from autograder.cli.progress import Progress
    from autograder.verify.matrix import margins as margins_table
    from autograder.verify.matrix import matrix
    from autograder.verify.prove import verify as prove

    with Progress() as progress:
        reports = [
            prove(
                assignment,
                root or beside(found),
                progress.say,
                course=found,
                jobs=jobs,
                rounds=rounds,
                write=write,
                only=exercises,
            )
            for assignment, exercises in chosen
        ]
    wide_output().print(matrix(reports))
    if margins:
        wide_output().print(margins_table(reports))
    return 0 if all(report.ok for report in reports) else 1


def _chosen(names: tuple[str, ...], course: str) -> list[tuple[Assignment, tuple[str, ...]]]:
    """The assignments that are named, or hold an exercise that is named; no names mean all."""
    if names and set(names) <= set(_known(course)):
        return [(one, ()) for one in load_assignments(names, course)]
    loaded = load_assignments((), course)
    assignments = {one.name for one in loaded}
    exercises = {e.name for one in loaded for e in one.exercises}
    unknown = [name for name in names if name not in assignments | exercises]
    if unknown:
        raise CannotStart(
            f"There is no assignment and no exercise {unknown[0]!r} in this course; there is "
            f"{', '.join(sorted(assignments))}."
        )
    chosen: list[tuple[Assignment, tuple[str, ...]]] = []
    for one in loaded:
        own = tuple(e.name for e in one.exercises if e.name in names)
        if not names or one.name in names:
            chosen.append((one, ()))
        elif own:
            chosen.append((one, own))
    return chosen


def _known(course: str) -> tuple[str, ...]:
    from autograder.authoring.course import assignment_names

    with told(CourseError):
        return assignment_names(course)


def _which(course: str) -> str:
    """Which course is proved, and how to choose another one that lies here."""
    from autograder.courses import folder_of, name_of, root_of

    said = f"proving the course {folder_of(course)}"
    here = Path.cwd() / name_of(course)
    if root_of(course) is None and (here / "__init__.py").is_file() and here != folder_of(course):
        said += f" (the installed one; --course {Path('.', here.name)}{os.sep} proves the one here)"
    return said
