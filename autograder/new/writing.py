"""Filling in templates, and writing files that are not there yet."""

from __future__ import annotations

import keyword
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined


class CannotMake(Exception):  # noqa: N818
    """A course or an exercise cannot be made; one or two sentences."""


def must_be_a_name(name: str, what: str) -> None:
    """Raise `CannotMake` unless a name can be that of a Python package for a course."""
    plain = name.isascii() and name.isidentifier() and not keyword.iskeyword(name)
    if not plain or name != name.lower() or name.startswith("_"):
        raise CannotMake(
            f"{name!r} cannot be the name of {what}: use lower-case letters, digits and _, such as "
            "`padding_share`"
        )


def in_words(name: str) -> str:
    """A name as a title: `padding_share` is `Padding share`."""
    words = name.replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def filled(template: str, **values: Any) -> str:
    """A template of this package as text."""
    return _environment().get_template(f"{template}.j2").render(values)


def write_new(files: Mapping[Path, str]) -> None:
    """Write files that must not exist; raises `CannotMake`, before anything is written."""
    for path in files:
        if path.exists():
            raise CannotMake(f"{path} is there already: choose another name, or move it away")
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


@cache
def _environment() -> Environment:
    return Environment(  # noqa: S701 - Python and Markdown, not pages
        loader=PackageLoader("autograder.new", "templates"),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
