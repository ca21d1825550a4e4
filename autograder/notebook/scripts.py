"""Python scripts: their encoding, and the cells of those in which an editor marks cells."""

from __future__ import annotations

import ast
import codecs
import io
import re
import tokenize
from collections.abc import Iterator

from autograder.notebook.archive import Unreadable

# `# %%` (Spyder, VS Code, Jupytext), `# In[3]:` (what `jupyter nbconvert --to script` writes),
# `# +` and `# -` (Jupytext's light format), Databricks' and the oldest IPython's.
_MARKER = re.compile(
    r"^# ?%%|^# In\[[ \d]*\]:|^# \+( |$)|^# -$|^# COMMAND -+|^# <(code|markdown)cell>"
)
_NOT_CODE = re.compile(r"^# ?%%.*\[(markdown|md|raw)\]")
_SURROGATES = re.compile("[\ud800-\udfff]")
_WIDE_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def decode_script(data: bytes) -> str:
    """Decode as Python does (PEP 263), and also UTF-16 and UTF-32 with a byte order mark.

    Raises `Unreadable` where Python would refuse the file.
    """
    wide = next((name for mark, name in _WIDE_MARKS if data.startswith(mark)), None)
    if wide is None and b"\0" in data:
        raise Unreadable("the file holds NUL bytes: it is not a Python file, or not saved as UTF-8")
    try:
        text = data.decode(wide or _declared(data))
    except UnicodeDecodeError as error:
        raise Unreadable(_not_decoded(data, error)) from error
    except (LookupError, UnicodeError) as error:
        raise Unreadable(f"the file declares an encoding that is none: {error}") from error
    if "\0" in text:
        raise Unreadable("the file holds NUL characters: it is not a Python file")
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    return without_surrogates(text)


def without_surrogates(text: str) -> str:
    """Replace halves of characters, which no Python source and no message can hold."""
    return _SURROGATES.sub("\ufffd", text)


def split_script(text: str) -> Iterator[str]:
    """Yield the cells of a script that marks them; another script is one cell.

    Markers inside a string or a statement do not count. Markdown cells are left out.
    """
    lines = list(io.StringIO(text))
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
    inside: set[int] = set()
    for statement in body:
        decorators = getattr(statement, "decorator_list", [])
        start = min([statement.lineno, *(decorator.lineno for decorator in decorators)])
        inside.update(range(start, (statement.end_lineno or start) + 1))
    return inside


def _declared(data: bytes) -> str:
    """The encoding that a script declares, UTF-8 where it declares none."""
    try:
        return tokenize.detect_encoding(io.BytesIO(data).readline)[0]
    except SyntaxError as error:
        if str(error).startswith("unknown encoding"):
            raise Unreadable(f"the file declares an encoding that is none: {error}") from error
        if any(b"coding" in line for line in data.split(b"\n", 2)[:2]):
            raise Unreadable("the file declares an encoding that it is not in") from error
        return "utf-8"


def _not_decoded(data: bytes, error: UnicodeDecodeError) -> str:
    line = data.count(b"\n", 0, error.start) + 1
    byte = data[error.start]
    return (
        f"the file is not {error.encoding} text (byte 0x{byte:02x} in line {line}); "
        "save it as UTF-8, or declare its encoding in the first line"
    )
