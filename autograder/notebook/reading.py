"""From the bytes of a submission to the cells that are run.

The bytes are a stranger's, so this runs in the disposable process that will run the cells. Nothing
is written to disk, and nothing is parsed by anything that can execute code.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from autograder.notebook.archive import Unreadable, known_kind, open_archive
from autograder.notebook.claims import choose, claim_of
from autograder.notebook.scripts import decode_script, split_script, without_surrogates

MAX_BYTES = 64 * 1024 * 1024  # of a notebook or script, also inside an archive
MAX_CELLS = 5_000
MAX_CODE = 8_000_000  # characters in all code cells together
MAX_NAME = 200
MAX_WARNINGS = 20
MAX_NOT_RUN = 50_000  # characters of a cell that is not run but looked at all the same

_DISGUISED = "the file is a {}, whatever its name says"

# Kernels whose name tells the language where a notebook says no more.
_KERNELS = re.compile(
    r"^(ir$|python|julia|bash|octave|ruby|scala|sql|deno|javascript|tslab|java|kotlin|xcpp|rust|evcxr|"
    r"gophernotes|lua|perl|php|matlab|wolfram|stata|sas|haskell|ocaml|clojure|elixir|\.net)"
)

__all__ = ["Source", "Unreadable", "read_submission"]


@dataclass(frozen=True, slots=True)
class Source:
    """The code of one submission; `assignment` is what Otter's metadata says, or empty.

    From an archive come `companions`, the files beside it by their path, and `doubt`, a sentence
    where another file in it may have been meant.
    """

    cells: tuple[str, ...]
    kind: Literal["notebook", "script"]
    assignment: str = ""
    warnings: tuple[str, ...] = ()
    doubt: str = ""
    companions: tuple[tuple[str, bytes], ...] = ()


def read_submission(
    data: bytes, name: str, *, max_bytes: int = MAX_BYTES, wanted: Collection[str] = ()
) -> Source:
    """Read a notebook, a Python script or an archive of them, with what lies beside it.

    `wanted` are the functions by which the file in an archive is chosen; empty for any. Raises
    `Unreadable` with a sentence that names the cause, and nothing else.
    """
    try:
        return _read(data, name, max_bytes, wanted)
    except Unreadable:
        raise
    except (RecursionError, MemoryError) as error:
        raise Unreadable("the file is nested too deeply or too large to be read") from error
    except Exception as error:
        raise Unreadable(f"the file could not be read ({type(error).__name__})") from error


def _read(data: bytes, name: str, max_bytes: int, wanted: Collection[str]) -> Source:
    if len(data) > max_bytes:
        raise Unreadable(f"the file is larger than {max_bytes:,} bytes")
    is_zip = data[:4] in (b"PK\x03\x04", b"PK\x05\x06") or name.lower().endswith(".zip")
    if is_zip and not known_kind(data) and _notebook_in_disguise(data, name) is None:
        return _read_archive(data, max_bytes, wanted)
    return _read_file(data, name)


def _read_archive(data: bytes, max_bytes: int, wanted: Collection[str]) -> Source:
    """Of the files in an archive, the one that is meant, and those beside it."""
    contents = open_archive(data, max_bytes=max_bytes)
    read: dict[str, Source] = {}
    problem: Unreadable | None = None
    for name, content in contents.candidates.items():
        try:
            read[name] = _read_file(content, name)
        except Unreadable as error:
            problem = problem or error
    if not read:
        raise problem or Unreadable("the file is an archive without a notebook or a Python file")
    choice = choose([claim_of(name, source.cells, wanted) for name, source in read.items()])
    companions = contents.beside(choice.name)
    return replace(read[choice.name], doubt=choice.doubt, companions=tuple(companions.items()))


def _read_file(data: bytes, name: str) -> Source:
    notebook = _notebook_in_disguise(data, name)
    if notebook is not None:
        return _read_notebook(notebook, (_DISGUISED.format("notebook"),))
    if kind := known_kind(data):
        raise Unreadable(f"the file is {kind}")
    if not name.lower().endswith(".ipynb"):
        return _read_script(data)
    try:
        return _read_notebook(_parse(data))
    except Unreadable:
        if not _is_script(data):
            raise
    return _read_script(data, (_DISGUISED.format("Python script"),))


def _read_script(data: bytes, warnings: tuple[str, ...] = ()) -> Source:
    text = decode_script(data)
    _check_size([text])
    cells = tuple(split_script(text))
    if len(cells) > MAX_CELLS:
        raise Unreadable(f"the file has more than {MAX_CELLS:,} cells")
    return Source(cells, "script", warnings=warnings)


def _is_script(data: bytes) -> bool:
    """Whether these bytes, which are no notebook, are Python that defines something."""
    return b"def " in data and _defines_functions(data.decode("utf-8", "replace"))


def _defines_functions(text: str) -> bool:
    try:
        body = ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return any(isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef) for part in body)


def _parse(data: bytes) -> Any:
    """Parse JSON as Jupyter writes it, in any of the encodings that JSON knows."""
    try:
        return json.loads(data.decode(json.detect_encoding(data)))
    except UnicodeDecodeError as error:
        text = f"the notebook is not {error.encoding} text: save it as UTF-8"
        raise Unreadable(text) from error
    except json.JSONDecodeError as error:
        raise Unreadable(_not_json(data, error)) from error
    except ValueError as error:
        raise Unreadable("the notebook holds a number that is too long") from error


def _not_json(data: bytes, error: json.JSONDecodeError) -> str:
    if b"<<<<<<< " in data and b">>>>>>> " in data:
        return f"the notebook holds unresolved merge conflicts (line {error.lineno})"
    if error.pos >= len(error.doc.rstrip()) or error.msg.startswith("Unterminated string"):
        return f"the notebook ends in the middle (line {error.lineno}): it was not saved whole"
    return f"the notebook is not valid JSON (line {error.lineno})"


def _notebook_in_disguise(data: bytes, name: str) -> Any:
    """The notebook in a file that is not called one; None where there is none."""
    if name.lower().endswith(".ipynb") or data.lstrip()[:1] != b"{":
        return None
    try:
        found = _parse(data)
    except Unreadable:
        return None
    looks_right = isinstance(found, dict) and ("cells" in found or "worksheets" in found)
    return found if looks_right else None


def _read_notebook(notebook: Any, warnings: Iterable[str] = ()) -> Source:
    if not isinstance(notebook, dict):
        raise Unreadable("the file is not a notebook: it has no cells")
    metadata = _mapping(notebook.get("metadata"))
    _check_language(metadata)
    warnings = list(warnings)
    cells: list[str] = []
    for position, cell in enumerate(_cells_of(notebook), start=1):
        if position > MAX_CELLS:
            raise Unreadable(f"the notebook has more than {MAX_CELLS:,} cells")
        if not isinstance(cell, dict):
            warnings.append(f"cell {position} is not a cell and was left out")
        elif str(cell.get("cell_type")).lower() == "code":
            code = _code_of(cell)
            if code is None:
                warnings.append(f"cell {position} has no readable text and was left out")
            else:
                cells.append(without_surrogates(code))
                if cells[-1] != code:
                    warnings.append(f"cell {position} holds half a character, which was replaced")
        elif _holds_answers(cell):
            kind = "raw" if cell.get("cell_type") == "raw" else "text"
            warnings.append(f"cell {position} is a {kind} cell, whose code is not run")
    _check_size(cells)
    if not any(cell.strip() for cell in cells):
        warnings.append("the notebook has no code")
    return Source(tuple(cells), "notebook", _assignment(metadata), tuple(warnings[:MAX_WARNINGS]))


def _cells_of(notebook: Mapping[str, Any]) -> list[Any]:
    """The cells of every notebook format: in `worksheets` before version 4, flat since."""
    if isinstance(notebook.get("cells"), list):
        return list(notebook["cells"])
    worksheets = notebook.get("worksheets")
    if isinstance(worksheets, list):
        sheets = (_mapping(sheet).get("cells") for sheet in worksheets)
        return [cell for sheet in sheets if isinstance(sheet, list) for cell in sheet]
    raise Unreadable("the file is not a notebook: it has no cells")


def _code_of(cell: Mapping[str, Any]) -> str | None:
    """A code cell's text: one string or a list of lines; called `input` before version 4."""
    language = cell.get("language")
    if isinstance(language, str) and not _is_python(language):
        raise Unreadable(_written_in(language))
    return _joined(cell.get("source", cell.get("input")))


def _joined(text: Any) -> str | None:
    """A text, or lines of one: some early tools left out the line ends."""
    if isinstance(text, list) and all(isinstance(line, str) for line in text):
        return ("" if "\n" in "".join(text[:1]) else "\n").join(text)
    return text if isinstance(text, str) else None


def _holds_answers(cell: Mapping[str, Any]) -> bool:
    """Whether a cell that is not run is Python with functions, all of it."""
    text = _joined(cell.get("source")) or ""
    return "def " in text and len(text) < MAX_NOT_RUN and _defines_functions(text)


def _check_language(metadata: Mapping[str, Any]) -> None:
    """Refuse notebooks for other kernels; one that does not say is taken for Python."""
    kernel = _mapping(metadata.get("kernelspec"))
    info = _mapping(metadata.get("language_info"))
    said = (info.get("name"), kernel.get("language"), info.get("mimetype"))
    languages = [word for word in said if isinstance(word, str) and word]
    if isinstance(kernel.get("name"), str):
        languages += _KERNELS.findall(kernel["name"])
    if languages and not any(map(_is_python, languages)):
        raise Unreadable(_written_in(languages[0]))


def _written_in(language: str) -> str:
    return f"the notebook is written in {without_surrogates(language[:40])}, not in Python"


def _is_python(language: str) -> bool:
    return any(word in language.lower() for word in ("python", "pyspark", "sage", "pyodide"))


def _assignment(metadata: Mapping[str, Any]) -> str:
    name = _mapping(metadata.get("otter")).get("assignment_name")
    return without_surrogates(name[:MAX_NAME]) if isinstance(name, str) else ""


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _check_size(cells: Iterable[str]) -> None:
    if sum(map(len, cells)) > MAX_CODE:
        raise Unreadable(f"the file has more than {MAX_CODE:,} characters of code")
