"""Prose and statements: Markdown as authors write it, cut into the cells of a notebook."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from autograder.authoring.exercise import Effort, Exercise
from autograder.authoring.promises import without_keys
from autograder.edition.errors import BuildError

_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})\s*(\S*)\s*$")
_COMMENT = re.compile(r"\A<!--.*?-->[ \t]*\n?")
_PICTURE = re.compile(r"^!\[([^\]]+)\]\((?!https?:)([^)\s]+)\)\s*$")
_PNG = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of Markdown, or the inside of one fenced `python` block."""

    kind: Literal["markdown", "code"]
    text: str


def read_prose(path: Path) -> tuple[Piece, ...]:
    """Cut a Markdown file into pieces, without the keys of promises.

    An HTML comment on its first line is left out. A line with nothing but `![what it
    shows](picture.png)` becomes a piece of its own that holds the picture, so that a notebook needs
    no file beside it.

    Raises `BuildError` where a file cannot be read, a picture is no PNG, or a `python` block is
    never closed.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise BuildError(f"{path}: cannot read this prose: {error.strerror}") from error
    pieces = tuple(_pieces(without_keys(_COMMENT.sub("", text)), path))
    if not pieces:
        raise BuildError(f"{path}: this prose is empty; write it, or take it out of the assignment")
    return pieces


def statement_of(exercise: Exercise, number: int) -> str:
    """The statement of an exercise as a section of the notebook, with points and without keys."""
    first, _, rest = without_keys(exercise.statement).partition("\n")
    if not first.startswith("# "):
        raise BuildError(
            f"{exercise.module_name}: the module's docstring, which students read, must start with "
            "the exercise's title: `# Title`"
        )
    public = sum(check.points for check in exercise.checks if not check.hidden)
    points = (
        f"**{points_of(exercise.possible)}**, {public:g} of them from the checks below the code."
    )
    if exercise.effort:
        points += f"\n\n{_effort_of(exercise.effort)}"
    body = "\n".join(_demoted(rest.strip("\n").split("\n")))
    return f"## Exercise {number}: {first[2:].strip()}\n\n{points}\n\n{body}".rstrip()


def points_of(points: float) -> str:
    """Points in words: "1 point", "2.5 points"."""
    return f"{points:g} point" + ("" if points == 1 else "s")


def _effort_of(effort: Effort) -> str:
    """How hard, how important and how long, in a line: the dots are out of five."""
    difficulty, importance = (
        "●" * number + "○" * (5 - number) for number in (effort.difficulty, effort.importance)
    )
    return f"Difficulty {difficulty} · importance {importance} · about {effort.minutes} minutes"


def _pieces(text: str, path: Path) -> Iterator[Piece]:
    lines: list[str] = []
    fence = ""
    is_code = False
    for line in text.split("\n"):
        found = _FENCE.match(line)
        if not fence and found:
            fence, is_code = found[1], found[2] == "python"
            if is_code:
                yield from _piece("markdown", lines)
                lines = []
                continue
        elif fence and found and found[1].startswith(fence) and not found[2]:
            fence = ""
            if is_code:
                yield from _piece("code", lines)
                lines, is_code = [], False
                continue
        elif not fence and (shown := _PICTURE.match(line)):
            yield from _piece("markdown", lines)
            lines = []
            yield Piece("markdown", _embedded(path.parent / shown[2], shown[1]))
            continue
        lines.append(line)
    if is_code:
        raise BuildError(f"{path}: a ```python block is never closed")
    yield from _piece("markdown", lines)


def _embedded(picture: Path, shows: str) -> str:
    """A picture as Markdown that holds it. PNG, for Colab shows no other kind that is drawn."""
    try:
        data = picture.read_bytes()
    except OSError as error:
        raise BuildError(f"{picture}: cannot read this picture: {error.strerror}") from error
    if not data.startswith(_PNG):
        raise BuildError(f"{picture}: this picture is no PNG; notebooks on Colab show nothing else")
    return f"![{shows}](data:image/png;base64,{base64.b64encode(data).decode('ascii')})"


def _piece(kind: Literal["markdown", "code"], lines: list[str]) -> Iterator[Piece]:
    text = "\n".join(lines).strip("\n")
    if text.strip():
        yield Piece(kind, text)


def _demoted(lines: list[str]) -> Iterator[str]:
    """Headings one level down: the title of a statement is a section of the notebook."""
    fence = ""
    for line in lines:
        found = _FENCE.match(line)
        if found and not fence:
            fence = found[1]
        elif found and found[1].startswith(fence):
            fence = ""
        yield f"#{line}" if not fence and re.match(r"#{1,5} ", line) else line
