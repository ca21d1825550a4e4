"""Text that a student chose or produced, made safe to keep, print and pass on.

Cleaning happens once where such text enters the grader; each format then escapes for itself. The
standard library is enough here, so that the sandbox and the grader can share this module.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime

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
_MOMENT = re.compile(
    r"(?P<day>\d{4}-\d{2}-\d{2})[T ](?P<time>\d{2}:\d{2}(?::\d{2})?)(?:\.\d+)?"
    r"(?P<zone>\s*(?:Z|UTC|[+-]\d{2}(?::?\d{2})?))?"
)
_IN_WORDS = re.compile(
    r"(?:[A-Z][a-z]+, )?(?P<day>\d{1,2}) (?P<month>[A-Z][a-z]+) (?P<year>\d{4}), "
    r"(?P<hour>\d{1,2}):(?P<minute>\d{2})\s(?P<half>[AP]M)",
    re.IGNORECASE,
)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
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


def moment(text: str) -> datetime | None:
    """A moment as platforms write it, `2026-11-20 21:33:12 +01:00`; `None` for anything else.

    Also Moodle's English way, `Friday, 20 November 2026, 9:33 PM`. Where it does not say its time
    zone, nor does the result.
    """
    matched = _MOMENT.fullmatch(text.strip()) or _IN_WORDS.fullmatch(text.strip())
    if matched is None:
        return None
    try:
        if "month" in matched.groupdict():
            hour = int(matched["hour"]) % 12 + 12 * (matched["half"].upper() == "PM")
            month = _MONTHS.index(matched["month"][:3].casefold()) + 1
            return datetime(
                int(matched["year"]), month, int(matched["day"]), hour, int(matched["minute"])
            )
        zone = re.sub(r"[\s:]|UTC|Z", "", matched["zone"] or "")
        offset = f"{zone[:3]}:{zone[3:] or '00'}" if zone else "+00:00" if matched["zone"] else ""
        return datetime.fromisoformat(f"{matched['day']}T{matched['time']}{offset}")
    except ValueError:
        return None
