"""Promises: the list items of a statement, each with a short key that checks name.

    - [shares] The shares add up to one.

A check that is declared with `proves="shares"` proves this one. Students read the sentence and
never the key. The rules for all exercises of an assignment are promises too: list items with a key
in its prose.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from markdown_it import MarkdownIt

_ITEM = re.compile(
    r"^(?P<marker>\s*(?:[-+*]|\d{1,9}[.)])\s+)"
    r"(?:\[(?!x\])(?P<key>[a-z][a-z0-9_.:-]*)\](?:\s+|$))?"  # [x] is a box that is ticked
)


_EMPHASIS = re.compile(r"(`[^`]*`)|(\*{1,3})(?=\S)((?:`[^`]*`|[^*`])*)(?<=\S)\2")


@dataclass(frozen=True, slots=True)
class Promise:
    """A list item: its key ("" where it has none), its text in one line, and its list's number."""

    key: str
    sentence: str
    list_number: int


@dataclass(slots=True)
class _Item:
    lines: range
    list_number: int
    parent: _Item | None
    key: str = ""
    has_keyed_parts: bool = False

    @property
    def is_part(self) -> bool:
        """Whether it says more about a promise that it stands in."""
        return self.parent is not None and bool(self.parent.key or self.parent.is_part)


@lru_cache(maxsize=256)
def promises_in(markdown: str) -> tuple[Promise, ...]:
    """The items of all lists that have a key or lack one.

    An item without a key below one that has a key belongs to that promise, and an item above such
    with keys only introduces them.
    """
    lines = markdown.split("\n")
    items = _items(markdown, lines)
    return tuple(
        Promise(item.key, _sentence(item, items, lines), item.list_number)
        for item in items
        if item.key or not (item.is_part or item.has_keyed_parts)
    )


def without_keys(markdown: str) -> str:
    """A statement or prose as students read it."""
    lines = markdown.split("\n")
    for item in _items(markdown, lines):
        if item.key:
            begin = item.lines.start
            lines[begin] = _ITEM.sub(r"\g<marker>", lines[begin], count=1).rstrip()
    return "\n".join(lines)


def _items(markdown: str, lines: list[str]) -> list[_Item]:
    found: list[_Item] = []
    around: list[_Item] = []
    lists: list[int] = []
    number = 0
    for token in MarkdownIt("commonmark").enable("table").parse(markdown):
        if token.type in ("bullet_list_open", "ordered_list_open"):
            number += 1
            lists.append(number)
        elif token.type in ("bullet_list_close", "ordered_list_close"):
            lists.pop()
        elif token.type == "list_item_open" and token.map:
            item = _Item(range(*token.map), lists[-1], around[-1] if around else None)
            match = _ITEM.match(lines[item.lines.start])
            item.key = (match and match["key"]) or ""
            if item.key:
                for outer in around:
                    outer.has_keyed_parts = True
            found.append(item)
            around.append(item)
        elif token.type == "list_item_close":
            around.pop()
    return found


def _sentence(item: _Item, items: list[_Item], lines: list[str]) -> str:
    """The text without keys and markers, and without other promises inside."""
    others = {
        number
        for other in items
        if other.key and other.lines.start in item.lines[1:]
        for number in other.lines
    }
    starts = {other.lines.start for other in items}
    words: list[str] = []
    for number in item.lines:
        if number not in others:
            line = lines[number]
            words += (_ITEM.sub("", line, count=1) if number in starts else line).split()
    return _without_emphasis(" ".join(words)).rstrip(";:")


def _without_emphasis(text: str) -> str:
    """Markdown in which nothing is bold or slanted; code stays as it is."""
    return _EMPHASIS.sub(lambda found: found[1] or found[3], text)
