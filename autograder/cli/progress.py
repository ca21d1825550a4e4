"""Progress on standard error: a live line on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bar
from rich.table import Column
from rich.text import Text

from autograder.report.numbers import count, points

if TYPE_CHECKING:
    from autograder.grade import Watch
    from autograder.records import Grade

SECONDS_BETWEEN_LINES = 10.0


class Progress:
    """Shows what is being done and, once `expect` was called, how much of it is done."""

    def __init__(self) -> None:
        self._console = Console(stderr=True)
        name = Column(no_wrap=True, overflow="ellipsis", ratio=1)  # takes what the others leave
        self._bar = Bar(
            SpinnerColumn(),
            BarColumn(bar_width=16),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(compact=True),
            TextColumn("{task.description}", markup=False, table_column=name),
            console=self._console,
            transient=True,
            expand=True,
            disable=not self._console.is_terminal,
        )
        self._task = self._bar.add_task("starting", total=None)
        self._total = self._done = 0
        self._last_line = 0.0

    def __enter__(self) -> Progress:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def tell(self, sentence: str) -> None:
        """Print a line that stays."""
        self._print(sentence)

    def expect(self, total: int) -> None:
        """Say how many steps there will be."""
        self._total = total
        self._bar.update(self._task, total=total)

    def say(self, doing: str) -> None:
        """Say what is being done now."""
        self._bar.update(self._task, description=doing)
        self._plain(doing)

    def advance(self, what: str) -> None:
        """Say that one step is done."""
        self._done += 1
        self._bar.update(self._task, advance=1, description=what)
        self._plain(f"{self._done} of {self._total}: {what}")

    def _print(self, sentence: str) -> None:
        """Print a line; in a log it is never broken, however long."""
        at_terminal = self._console.is_terminal
        self._console.print(Text(sentence), soft_wrap=not at_terminal)

    def _plain(self, line: str) -> None:
        if self._console.is_terminal:
            return
        finished = self._done > 0 and self._done == self._total
        if finished or time.monotonic() - self._last_line > SECONDS_BETWEEN_LINES:
            self._last_line = time.monotonic()
            self._print(line)


@contextmanager
def grading_progress(place: str, *, regrade: bool = False) -> Iterator[Watch]:
    """Show the progress of grading into the gradebook `place`; say what is kept on a stop."""
    from autograder.grade import Watch
    from autograder.gradebook import GradebookError

    graded = 0
    with Progress() as progress:

        def begin(total: int, kept: int) -> None:
            if kept and regrade:
                progress.tell(f"{kept} of {total} were graded again before the interruption")
            elif kept:
                progress.tell(
                    f"{kept} of {total} are in the gradebook already; --regrade grades them again"
                )
            if kept < total:
                progress.expect(total - kept)
                progress.say("starting the sandbox")

        def told(grade: Grade) -> None:
            nonlocal graded
            graded += 1
            score = f"{points(grade.score)} of {points(grade.possible)}"
            progress.advance(f"{grade.submission}, {score}")

        try:
            yield Watch(tell=progress.tell, say=progress.say, begin=begin, graded=told)
        except (KeyboardInterrupt, GradebookError) as stopped:
            if graded or isinstance(stopped, KeyboardInterrupt):
                progress.tell(
                    f"{count(graded, 'grade')} of this run kept in {place}; "
                    "the same command goes on from there."
                )
            raise
