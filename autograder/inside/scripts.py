"""Python scripts: their encoding, and the cells of those that are written in percent format."""

from __future__ import annotations

import ast
import codecs
import io
import re
import tokenize
from collections.abc import Iterator

from autograder.inside.archive import Unreadable

# `# %%` (Spyder, VS Code, Jupytext) and `# In[3]:` (what `jupyter nbconvert --to script` writes).
_MARKER = re.compile(r"^# ?%%|^# In\[[ \d]*\]:")
_NOT_CODE = re.compile(r"^# ?%%.*\[(markdown|md|raw)\]")
_WIDE_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def decode_script(data: bytes) -> str:
    """Decode as Python would (PEP 263), and also UTF-16 or UTF-32 with a byte order mark.

    Raises `Unreadable` where Python would refuse the file.
    """
    wide = next((name for mark, name in _WIDE_MARKS if data.startswith(mark)), None)
    if wide is None and b"\0" in data:
        raise Unreadable("holds NUL bytes: it is not a Python file, or not saved as UTF-8")
    try:
        encoding = wide or tokenize.detect_encoding(io.BytesIO(data).readline)[0]
        text = data.decode(encoding)
    except (SyntaxError, LookupError) as error:
        raise Unreadable(f"declares an encoding that is not right: {error}") from error
    except UnicodeDecodeError as error:
        raise Unreadable(_not_decoded(data, error)) from error
    if "\0" in text:
        raise Unreadable("holds NUL characters: it is not a Python file")
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def split_script(text: str) -> Iterator[str]:
    """Yield the cells of a script in percent format; another script is one cell.

    Markers inside a string or a statement do not count. Markdown cells are left out.
    """
    lines = text.splitlines(keepends=True)
    inside = _inside_statements(text)
    starts = [n for n, line in enumerate(lines) if _MARKER.match(line) and n + 1 not in inside]
    for start, end in zip([0, *starts], [*starts, len(lines)], strict=True):
        cell = "".join(lines[start:end])
        if cell.strip() and not _NOT_CODE.match(cell):
            yield cell


def _inside_statements(text: str) -> set[int]:
    """Numbers of the lines that belong to top-level statements; none if it is no Python."""
    try:
        body = ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set()
    return {
        line
        for statement in body
        for line in range(statement.lineno, (statement.end_lineno or statement.lineno) + 1)
    }


def _not_decoded(data: bytes, error: UnicodeDecodeError) -> str:
    line = data.count(b"\n", 0, error.start) + 1
    byte = data[error.start]
    return (
        f"is not {error.encoding} text (byte 0x{byte:02x} in line {line}); save it as UTF-8, "
        "or declare its encoding in the first line"
    )
