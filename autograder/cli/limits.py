"""The limits of one submission, as options of the commands that grade or prepare grading."""

from __future__ import annotations

from typing import Any

import click

from autograder.cli.common import seconds, size

LEAST_MEMORY = 256 << 20  # Python with torch alone needs about as much


def limit_options(command: Any) -> Any:
    """Add `--time-limit`, `--total-time` (seconds) and `--memory-limit` (bytes)."""
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


def as_arguments(*, time_limit: float, total_time: float, memory_limit: int) -> tuple[str, ...]:
    """The same limits as arguments of `moelab grade`, written out in full."""
    times = ("--time-limit", f"{time_limit:.12g}", "--total-time", f"{total_time:.12g}")
    mib, rest = divmod(memory_limit, 1 << 20)
    return (*times, "--memory-limit", str(memory_limit) if rest else f"{mib}MiB")


def _memory(text: str) -> int:
    found = size(text)
    if found < LEAST_MEMORY:
        least = f"{LEAST_MEMORY >> 20}MiB"
        raise click.BadParameter(f"{text!r} is too little for Python and torch: {least} at least.")
    return found
