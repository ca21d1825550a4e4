"""`moelab grade`: grade submissions into a gradebook."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import Any

import click

from autograder.cli.common import (
    CannotStart,
    course_option,
    example,
    find_course,
    size,
    told,
)
from autograder.cli.limits import limit_options
from autograder.cli.models import find_models, model_options
from autograder.cli.report import OUTPUTS, check_outputs, output_options, people_of, show
from autograder.doctor import cores

_ELSEWHERE = (
    "Grading isolates strangers' code, which needs Linux: use a Linux machine, WSL 2 or a "
    "container. `moelab check` works here, for your own notebook."
)


@click.command(epilog=example("moelab demo", "moelab grade moelab-demo/submissions --html report"))
@click.argument(
    "paths",
    metavar="PATH...",
    nargs=-1,
    required=True,
    type=click.Path(path_type=Path, exists=True),
)
@click.option("--assignment", metavar="NAME", help="[default: what the notebooks say]")
@click.option(
    "--gradebook",
    metavar="URL",
    default="sqlite:///gradebook.db",
    show_default=True,
    help="Where results are kept: SQLite or PostgreSQL.",
)
@output_options
@model_options
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    metavar="N",
    default=cores,
    help="Submissions at once.  [default: number of cores]",
)
@click.option("--scheduler", metavar="ADDRESS", help="Run on a Dask cluster.")
@click.option("--seed", metavar="TEXT", help="Makes the same grades again.  [default: a fresh one]")
@click.option(
    "--isolation",
    type=click.Choice(["auto", "namespaces", "landlock", "none"]),
    default="auto",
    show_default=True,
    help="Lowest acceptable level.",
)
@limit_options
@click.option(
    "--total-memory",
    type=size,
    metavar="SIZE",
    default="0",
    help="Memory of all submissions at once.  [default: 80 % of the machine's]",
)
@click.option(
    "--pictures", is_flag=True, help="Keep the figures that submissions draw; takes longer."
)
@click.option("--regrade", is_flag=True, help="Grade again what the gradebook holds already.")
@course_option
def grade(paths: tuple[Path, ...], gradebook: str, models: tuple[str, ...], **options: Any) -> int:
    """Grade submissions: .ipynb, .py and .zip files, or folders.

    What the gradebook holds already, unchanged and from the same course, is kept, so a run that was
    stopped goes on where it was. Exits 1 when a person should look first.
    """
    outputs = {kind: options.pop(kind) for kind in OUTPUTS}
    check_platform()
    _check_scheduler(options.pop("scheduler"))
    options["course"] = find_course(options["course"], paths)
    _check_assignment(options["assignment"], options["course"])
    _check_memory(options["memory_limit"], options["total_memory"])
    check_outputs(outputs)
    people = people_of(options.pop("roster"))
    wanted = find_models(
        models,
        options.pop("device"),
        gpu_memory=options.pop("gpu_memory"),
        trust_remote_code=options.pop("trust_remote_code"),
    )
    gradebook = _outside(gradebook, paths)

    from autograder.authoring.course import CourseError
    from autograder.cli.deadlines import policy_of
    from autograder.cli.progress import grading_progress
    from autograder.grade import NothingToGrade, Order, grade_class
    from autograder.gradebook import Gradebook, GradebookError
    from autograder.models.errors import ModelError
    from autograder.report.review import needs_a_person
    from autograder.sandbox.errors import SandboxError
    from autograder.sandbox.limits import Limits

    limits = Limits(
        call=options.pop("time_limit"),
        total=options.pop("total_time"),
        memory=options.pop("memory_limit"),
    )
    options |= {
        "models": wanted.names,
        "full_scale": wanted.choices,
        "placements": wanted.placements,
    }
    options |= {"assignment": options["assignment"] or "", "seed": options["seed"] or ""}
    with (
        told(NothingToGrade, CourseError, SandboxError, ModelError, GradebookError),
        Gradebook.open(gradebook) as book,
    ):
        hidden = tuple(path for path in (book.file, *outputs.values()) if path is not None)
        order = Order(paths=paths, limits=limits, hidden=hidden, **options)
        with grading_progress(book.place, regrade=order.regrade) as watch:
            class_grades = grade_class(order, book, watch)
        if people is not None:
            class_grades = book.with_absent(class_grades)
        rules = policy_of(book)
    shown = show(class_grades, gradebook, outputs, people, rules=rules)
    return 1 if needs_a_person(shown) else 0


def check_platform() -> None:
    """Grading works on Linux alone."""
    if sys.platform != "linux":
        raise CannotStart(_ELSEWHERE)


def _outside(gradebook: str, paths: tuple[Path, ...]) -> str:
    """The gradebook, which does not lie among what was handed in: anybody may put one there.

    The default one lies above a folder that is graded from within. `CannotStart` for a gradebook
    that is there already.
    """
    from autograder.gradebook.connection import gradebook_url, sqlite_file
    from autograder.gradebook.errors import GradebookError

    with told(GradebookError):
        file = sqlite_file(gradebook_url(gradebook))
    if file is None:
        return gradebook
    folders = [path.resolve() for path in paths if path.is_dir()]
    around = [
        folder
        for folder in folders
        if any(place.is_relative_to(folder) for place in (file.absolute(), file.resolve()))
    ]
    if not around:
        return gradebook
    above = min(around, key=lambda folder: len(folder.parts)).parent
    elsewhere = os.path.relpath(above / file.name)
    if file.is_symlink() or file.exists():
        raise CannotStart(
            f"The gradebook {file} lies in the folder that is graded, so anybody may have put it "
            f"there. Give another one, --gradebook {shlex.quote(elsewhere)}; if it is yours, move "
            "it there first."
        )
    source = click.get_current_context().get_parameter_source("gradebook")
    if source is not click.core.ParameterSource.DEFAULT:
        click.echo(
            f"The gradebook {file} lies in the folder that is graded, where it will not be read "
            f"again: move it when this is done, to {elsewhere} for instance.",
            err=True,
        )
        return gradebook
    if not os.access(above, os.W_OK):
        raise CannotStart(
            "The gradebook would lie in the folder that is graded: say with --gradebook FILE where "
            "else it may be."
        )
    click.echo(f"The gradebook is {elsewhere}: not in the folder that is graded.", err=True)
    return elsewhere


def _check_scheduler(scheduler: str | None) -> None:
    """Refuse, before anything heavy is imported, what this release cannot do."""
    if scheduler is not None:
        raise CannotStart(
            "This release grades on one machine and cannot use a cluster: leave --scheduler out."
        )


def _check_memory(limit: int, total: int) -> None:
    from autograder.sandbox.limits import Limits, in_words

    need = Limits(memory=limit).sandbox
    if 0 < total < need:
        raise CannotStart(
            f"--total-memory {in_words(total)} is too little: one submission may take "
            f"{in_words(need)} with its sandbox. Give more, or a lower --memory-limit."
        )


def _check_assignment(name: str | None, course: str) -> None:
    from autograder.authoring.course import CourseError, assignment_names

    with told(CourseError):
        known = assignment_names(course)
    if name is not None and name not in known:
        raise CannotStart(
            f"There is no assignment {name!r} in the course: it has {', '.join(known) or 'none'}."
        )
