"""The notebook as it is saved: where it lies, and how it differs from what ran in the kernel."""

from __future__ import annotations

import ast
import inspect
import json
import os
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import FunctionType
from typing import Any

from moelab_kit.check import SESSION, assignment_of, notebook_tests

_VS_CODE = "__vsc_ipynb_file__"  # VS Code tells it in this name


def this_notebook(name: str) -> str:
    """The path of the notebook that this kernel runs, as it is saved; `name` is what it was called.

    Jupyter and VS Code say which notebook a kernel belongs to; else a file of that name in the
    current folder counts, else the only notebook there of the same lab. Raises `FileNotFoundError`
    with a sentence where that leaves no file or several.
    """
    told = _told_by_the_editor()
    if told is not None:
        return _relative(told)
    if Path(name).is_file():
        return name
    others = notebooks_of(Path(name).stem)
    if len(others) == 1:
        return others[0]
    if "google.colab" in sys.modules:
        raise FileNotFoundError(
            "on Google Colab the notebook is no file here: choose File → Download → Download "
            ".ipynb, and hand in that file"
        )
    found = f" Here lie {', '.join(others)}: write the right one." if others else ""
    raise FileNotFoundError(
        f"no notebook {name} lies in {Path.cwd()}: if you have renamed it, write its name in place "
        f"of {name!r} in this cell.{found}"
    )


def notebooks_of(assignment: str) -> list[str]:
    """The notebooks of a lab in the current folder that end with handing in: not Colab's."""
    return sorted(
        str(path)
        for path in Path().glob("*.ipynb")
        if assignment and _lab_of(path) == assignment and b"hand_in(" in path.read_bytes()
    )


def helper_files(folder: Path) -> list[str]:
    """Modules that lie beside the notebook and were imported, by their paths below its folder."""
    found = set()
    base = folder.resolve()
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if not isinstance(file, str) or not file.endswith(".py") or name == "__main__":
            continue
        if not (os.path.isabs(file) and os.path.isfile(file)):
            continue  # torch makes modules with the names of files that there are not
        path = Path(file).resolve()
        installed = path.is_relative_to(sys.prefix) or path.is_relative_to(sys.base_prefix)
        ours = name.partition(".")[0] == __name__.partition(".")[0]
        if path.is_relative_to(base) and not installed and not ours:
            found.add(path.relative_to(base).as_posix())
    return sorted(found)


def unsaved_functions(
    notebook: Mapping[str, Any], namespace: Mapping[str, Any], names: list[str]
) -> dict[str, str]:
    """Of the functions with these names: those that ran here, but are not saved so; and why.

    Nothing is claimed of a function whose source cannot be found, or that is no plain function of a
    cell, such as one from a helper module.
    """
    saved, unclear = _saved_functions(notebook)
    told = {}
    for name in names:
        ran = _source_that_ran(namespace.get(name))
        if ran is None:
            continue
        function, tree = ran
        if function not in saved:
            if not any(function in text for text in unclear):
                told[name] = "the saved notebook does not define it"
        elif ast.dump(tree) != ast.dump(saved[function]):
            told[name] = "the saved notebook holds another version of it"
    return told


def helpers_of(namespace: Mapping[str, Any]) -> list[str]:
    """The functions that cells have defined, by name."""
    return [
        name
        for name, value in namespace.items()
        if isinstance(value, FunctionType)
        and value.__module__ == "__main__"
        and value.__name__ == name
    ]


def _told_by_the_editor() -> Path | None:
    """The notebook that Jupyter or VS Code names, where it is a notebook with public checks."""
    main = vars(sys.modules["__main__"])
    for told in (main.get(_VS_CODE), os.environ.get(SESSION)):
        path = Path(told) if isinstance(told, str) and told.endswith(".ipynb") else None
        if path is not None and _lab_of(path) is not None:
            return path
    return None


def _lab_of(path: Path) -> str | None:
    """The lab whose checks a notebook holds; None for anything else."""
    try:
        content = json.loads(path.read_bytes())
        notebook_tests(content)
        return assignment_of(content)
    except (OSError, ValueError, AttributeError, RecursionError):
        return None


def _relative(path: Path) -> str:
    """The path from the current folder where the file lies in it."""
    try:
        return str(path.resolve().relative_to(Path.cwd().resolve()))
    except ValueError:
        return str(path)


def _saved_functions(notebook: Mapping[str, Any]) -> tuple[dict[str, ast.AST], list[str]]:
    """The functions that cells define, the last of each name; and cells that are no Python."""
    saved: dict[str, ast.AST] = {}
    unclear = []
    for source in _code_of(notebook):
        tree = _parsed(source)
        if tree is None:
            unclear.append(source)
            continue
        for node in _outside_definitions(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                saved[node.name] = node
    return saved, unclear


def _outside_definitions(tree: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a cell in order, without what lies within functions and classes."""
    for node in ast.iter_child_nodes(tree):
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.expr):
            yield from _outside_definitions(node)


def _code_of(notebook: Mapping[str, Any]) -> Iterator[str]:
    for cell in notebook.get("cells", ()):
        if isinstance(cell, dict) and cell.get("cell_type") == "code":
            yield "".join(cell.get("source", ""))


def _parsed(source: str) -> ast.Module | None:
    """A cell as Python: as it stands, as IPython reads it, or what stands below a cell magic."""
    below = source.lstrip().partition("\n")[2] if source.lstrip().startswith("%%") else source
    for read in (lambda: below, lambda: _as_ipython_reads(below)):
        tree = _tree(read)
        if tree is not None:
            return tree
    return None


def _tree(read: Callable[[], str]) -> ast.Module | None:
    try:
        return ast.parse(read())
    except (SyntaxError, ValueError, RecursionError, MemoryError, ImportError):
        return None


def _as_ipython_reads(source: str) -> str:
    from IPython.core.inputtransformer2 import TransformerManager

    return str(TransformerManager().transform_cell(source))


def _source_that_ran(value: Any) -> tuple[str, ast.AST] | None:
    """The name and the definition of a function that a cell defined; None for anything else."""
    function = inspect.unwrap(value) if callable(value) else None
    if not isinstance(function, FunctionType) or function.__module__ != "__main__":
        return None
    if Path(function.__code__.co_filename).is_file():
        return None  # from a script or a helper, which is not in the notebook
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, TypeError, SyntaxError, ValueError):
        return None
    (node, *_) = tree.body
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return None  # a lambda
    return (node.name, node) if node.name == function.__name__ else None
