"""Text that a student chose or produced, made safe to keep, print and pass on.

Cleaning happens once where such text enters the grader; each format then escapes for itself. The
standard library is enough here, so that the sandbox and the grader can share this module.
"""

from __future__ import annotations

import re
import unicodedata

MESSAGE_LIMIT = 2_000
LINE_LIMIT = 240
NAME_LIMIT = 20_000  # a path, where each character may have been written out

_TERMINAL_SEQUENCES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)"
)
_LINE_ENDS = re.compile("\r\n?|[\x0b\x0c\x85\u2028\u2029]")
_REMOVED = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x9f"  # control characters, except tab and newline
    "\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff"  # invisible marks, bidi overrides
    "\ufff9-\ufffb\ufffe\uffff]"  # interlinear marks and code points that are no characters
)
_SURROGATES = re.compile("[\ud800-\udfff]")


def clean_text(text: str, limit: int = MESSAGE_LIMIT) -> str:
    """Text of at most `limit` characters that any JSON, HTML, CSV or SQL writer can take.

    Terminal sequences, control characters and bidirectional overrides go; tabs and newlines stay.
    A lone surrogate becomes U+FFFD. Text that was cut ends with "…".
    """
    enough = 4 * limit + 1_000
    cleaned = _TERMINAL_SEQUENCES.sub("", text[:enough])
    cleaned = _REMOVED.sub("", _LINE_ENDS.sub("\n", cleaned))
    cleaned = _SURROGATES.sub("\ufffd", cleaned)
    if len(text) <= enough and len(cleaned) <= limit:
        return cleaned
    return cleaned[: max(limit - 1, 0)] + "…"


def clean_line(text: str, limit: int = LINE_LIMIT) -> str:
    """Clean text as one line, for titles and notes: each run of white space becomes one space."""
    return clean_text(" ".join(clean_text(text, 2 * limit).split()), limit)


def clean_name(name: str) -> str:
    """A name or path as one line; names that are clean already, and differ, stay different."""
    return clean_text(name, NAME_LIMIT).replace("\n", " ").replace("\t", " ")


def plain(text: str) -> str:
    """A name as it can be compared: letters and digits alone, without accents, in lower case."""
    bare = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in bare if letter.isalnum())
