"""`moelab grade`: grade submissions into a gradebook."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import click

from autograder.cli.common import (
    CannotStart,
    course_option,
    example,
    find_course,
    seconds,
    size,
    told,
)
from autograder.cli.report import check_outputs, output_options, print_summary, write_outputs
from autograder.doctor import cores

_DEVICE = re.compile(r"auto|cpu|cuda(:\d{1,3})?")

LEAST_MEMORY = 256 << 20  # Python with torch alone needs about as much
_ELSEWHERE = (
    "Grading isolates strangers' code, which needs Linux: use a Linux machine, WSL 2 or a "
    "container. `moelab check` works here, for your own notebook."
)


def _memory(text: str) -> int:
    found = size(text)
    if found < LEAST_MEMORY:
        least = f"{LEAST_MEMORY >> 20}MiB"
        raise click.BadParameter(f"{text!r} is too little for Python and torch: {least} at least.")
    return found


def _limits(command: Any) -> Any:
    for option in (
        click.option(
            "--memory-limit",
            type=_memory,
            metavar="SIZE",
            default="2GiB",
            show_default=True,
            help="Memory of one submission.",
        ),
        click.option(
            "--total-time",
            type=seconds,
            metavar="SECONDS",
            default="300",
            show_default=True,
            help="Time for one submission in all.",
        ),
        click.option(
            "--time-limit",
            type=seconds,
            metavar="SECONDS",
            default="20",
            show_default=True,
            help="Time for one call of a function, or one cell.",
        ),
    ):
        command = option(command)
    return command


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
@click.option(
    "--model",
    "models",
    metavar="NAME",
    multiple=True,
    default=("tiny",),
    help="Models for the model checks.  [default: tiny]",
)
@click.option("--device", default="auto", show_default=True, help="cpu, cuda, cuda:1, …")
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
@_limits
@click.option("--regrade", is_flag=True, help="Grade again what the gradebook holds already.")
@course_option
def grade(paths: tuple[Path, ...], gradebook: str, models: tuple[str, ...], **options: Any) -> int:
    """Grade submissions: .ipynb, .py and .zip files, or folders of them.

    What the gradebook holds already, unchanged and from the same course, is kept, so a run that was
    stopped goes on where it was. Exits 1 when a submission needs a person.
    """
    outputs = {
        kind: options.pop(kind) for kind in ("json", "csv", "html", "feedback", "gradescope")
    }
    _check_machine(models, options.pop("device"), options.pop("scheduler"))
    _check_assignment(options["assignment"], options["course"])
    check_outputs(outputs)

    from autograder.classwork import NothingToGrade, Order, grade_class
    from autograder.cli.progress import grading_progress
    from autograder.gradebook import Gradebook, GradebookError
    from autograder.grading.course import CourseError
    from autograder.records import Status
    from autograder.sandbox.errors import SandboxError
    from autograder.sandbox.limits import Limits

    limits = Limits(
        call=options.pop("time_limit"),
        total=options.pop("total_time"),
        memory=options.pop("memory_limit"),
    )
    options |= {"assignment": options["assignment"] or "", "seed": options["seed"] or ""}
    with (
        told(NothingToGrade, CourseError, SandboxError, GradebookError),
        Gradebook.open(gradebook) as book,
    ):
        hidden = tuple(path for path in (book.file, *outputs.values()) if path is not None)
        order = Order(paths=paths, limits=limits, hidden=hidden, **options)
        with grading_progress(gradebook) as watch:
            class_grades = grade_class(order, book, watch)
    write_outputs(class_grades, outputs)
    print_summary(class_grades)
    review = any(one.status is Status.NEEDS_REVIEW for one in class_grades.grades)
    return 1 if review else 0


def check_platform() -> None:
    """Grading works on Linux alone."""
    if sys.platform != "linux":
        raise CannotStart(_ELSEWHERE)


def _check_machine(models: tuple[str, ...], device: str, scheduler: str | None) -> None:
    """Refuse, before anything heavy is imported, what this machine or release cannot do."""
    check_platform()
    if scheduler is not None:
        raise CannotStart(
            "This release grades on one machine and cannot use a cluster: leave --scheduler out."
        )
    other = [name for name in models if name != "tiny"]
    if other:
        raise CannotStart(
            f"This release grades with the model bench `tiny` alone, not with {other[0]!r}: "
            "leave --model out."
        )
    if not _DEVICE.fullmatch(device):
        raise CannotStart(f"{device!r} is not a device: give auto, cpu, cuda or cuda:1.")
    if device.startswith("cuda"):
        _check_cuda(device)


def _check_cuda(device: str) -> None:
    import torch

    number = int(device.partition(":")[2] or 0)
    if number >= torch.cuda.device_count():
        raise CannotStart(
            f"There is no {device} here: torch finds {torch.cuda.device_count()} CUDA devices. "
            "Use --device cpu, or see `moelab doctor`."
        )
    click.echo("The model bench `tiny` runs on the CPU, whatever --device says.", err=True)


def _check_assignment(name: str | None, course: str) -> None:
    from autograder.grading.course import CourseError, assignment_names

    find_course()
    with told(CourseError):
        known = assignment_names(course)
    if name is not None and name not in known:
        raise CannotStart(
            f"There is no assignment {name!r} in the course: it has {', '.join(known) or 'none'}."
        )
