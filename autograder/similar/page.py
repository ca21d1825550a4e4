"""The page that shows pairs side by side: for instructors, who read and decide."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup, escape

from autograder.report.folder import ReportFolder
from autograder.report.page import render
from autograder.similar.comparing import BINS, Comparison, Pair
from autograder.similar.corpus import Author
from autograder.text import clean_text

_STYLES = ("vendored/charts.min.css", "report.css", "class.css", "similar.css")


@dataclass(frozen=True, slots=True)
class _Side:
    written: str
    compared: Markup


def write_pairs(found: Comparison, what: str, folder: Path) -> Path:
    """Write `index.html` into a folder, and return its path. `what` is what was compared."""
    pairs = [(pair, _sides(pair)) for pair in found.pairs]
    labels = [f"{100 * place // BINS}–{100 * (place + 1) // BINS}" for place in range(BINS)]
    page = render(
        "similar.html.j2",
        styles=_STYLES,
        what=what,
        found=found,
        pairs=pairs,
        rows=list(zip(labels, found.bins, strict=True)),
    )
    return ReportFolder(folder).finish("index.html", page)


def _sides(pair: Pair) -> dict[str, tuple[_Side, _Side]]:
    return {
        one.exercise: (
            _side(pair.one, one.exercise, one.marked[0]),
            _side(pair.other, one.exercise, one.marked[1]),
        )
        for one in pair.alike
    }


def _side(author: Author, exercise: str, marked: Sequence[tuple[int, int]]) -> _Side:
    written, compared = author.codes[exercise], author.bare[exercise]
    return _Side(clean_text(written, 20_000), _marked(compared, marked))


def _marked(code: str, places: Sequence[tuple[int, int]]) -> Markup:
    """A code as markup in which what both have is marked."""
    parts, end = [], 0
    for start, stop in places:
        start = max(start, end)
        if stop <= start:
            continue
        parts += [escape(clean_text(code[end:start], 20_000))]
        parts += [Markup("<mark>{}</mark>").format(clean_text(code[start:stop], 20_000))]
        end = stop
    return Markup("").join([*parts, escape(clean_text(code[end:], 20_000))])
