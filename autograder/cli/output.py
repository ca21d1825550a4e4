"""Where results are printed. Import it when there is something to print: rich takes its time."""

from __future__ import annotations

from rich.console import Console

WIDE = 1_000  # columns


def output() -> Console:
    """For tables that fit any terminal."""
    return Console(highlight=False)


def wide_output() -> Console:
    """For sentences: they stay on one line where no person looks at a terminal."""
    found = output()
    return found if found.is_terminal else Console(highlight=False, width=WIDE)
