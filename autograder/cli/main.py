"""`moelab`: the commands, and how every error becomes one or two sentences.

Each command imports what it needs when it runs, so that help and mistakes answer at once.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from importlib import metadata

import click

from autograder.cli.adjust import adjust
from autograder.cli.build import build
from autograder.cli.check import check
from autograder.cli.demo import demo
from autograder.cli.doctor import doctor
from autograder.cli.explain import explain
from autograder.cli.grade import grade
from autograder.cli.new import new
from autograder.cli.report import report
from autograder.cli.review import review
from autograder.cli.similar import similar
from autograder.cli.verify import verify
from autograder.interpreter import leave_current_folder

DONE, SOMETHING_WRONG, WRONG_USE, INTERRUPTED = 0, 1, 2, 130
DEBUG = "MOELAB_DEBUG"


class _InOrder(click.Group):
    """Lists its commands in the order in which people meet them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)


@click.group(
    cls=_InOrder,
    invoke_without_command=True,
    commands=[
        *(demo, check, grade, report, explain, review, similar, adjust),
        *(new, verify, build, doctor),
    ],
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="The first minute: moelab demo",
)
@click.option("--version", is_flag=True, help="Show the version and exit.")
@click.pass_context
def moelab(ctx: click.Context, *, version: bool) -> None:
    """Exercises on Mixture-of-Experts routing, and grades that can be trusted."""
    if version:
        click.echo(f"moelab {_version()}")
        ctx.exit(DONE)
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


def main() -> None:
    """The console script."""
    leave_current_folder()
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run a command and return the exit status; never raises."""
    if sys.flags.optimize:
        _say("Checks are written with assert, and `python -O` (PYTHONOPTIMIZE) leaves asserts out.")
        _say("Run moelab without it.")
        return WRONG_USE
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    try:
        status = moelab.main(list(arguments), prog_name="moelab", standalone_mode=False)
        sys.stdout.flush()
    except (click.Abort, KeyboardInterrupt):
        _say("Stopped.")
        return INTERRUPTED
    except click.ClickException as error:
        _say(_sentence(error))
        return WRONG_USE
    except BrokenPipeError:
        # The reader of our output has gone: let Python's last flush go nowhere, as click does.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return SOMETHING_WRONG
    except OSError as error:
        _say(f"moelab cannot go on: {error}.")
        return WRONG_USE
    except Exception as error:
        if os.environ.get(DEBUG):
            traceback.print_exc()
        _say(
            f"moelab stopped because of a mistake of its own ({type(error).__name__}: {error}). "
            f"Please report it, with what the same command prints when {DEBUG}=1 is set."
        )
        return WRONG_USE
    return status if isinstance(status, int) else DONE


def _sentence(error: click.ClickException) -> str:
    message = " ".join(error.format_message().split())
    context = getattr(error, "ctx", None)
    if context is None:
        return f"moelab: {message}"
    return f"{context.command_path}: {message} `{context.command_path} --help` shows an example."


def _say(text: str) -> None:
    click.echo(text, err=True)


def _version() -> str:
    try:
        return metadata.version("moelab")
    except metadata.PackageNotFoundError:
        return "(not installed)"
