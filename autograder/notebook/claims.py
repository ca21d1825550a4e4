"""The file of a submission that is meant: told by the exercises' functions that each file defines.

Nothing is run: cells are parsed. Names of files are paths within the submission, with `/`.
"""

from __future__ import annotations

import ast
import hashlib
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

MAX_CODE = 2_000_000  # characters that are parsed of one file
_NOT_PYTHON = re.compile(r"^[ \t]*[%!?].*$|^.*[^\s#]\?{1,2}[ \t]*$", re.MULTILINE)
_DEFINITION = re.compile(r"^(?:async[ \t]+)?def[ \t]+(\w+)[ \t]*\(", re.MULTILINE)
_KEPT = re.compile(
    r"(?:^|[\W_])(?:old|older|backups?|bak|archive[ds]?|previous|prev|drafts?|copy|copies|versions?|"
    r"history|trash|unused|attempts?)(?:$|[\W_\d])",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Claim:
    """What one file defines: a digest of the code of each function, by the function's name.

    `imports` has the modules that the file imports, `borrowed` the functions that it takes from
    one (`from helpers import route`: "route" from "helpers"; "*" for all that the module has).
    """

    name: str
    functions: Mapping[str, str] = field(default_factory=dict)
    imports: frozenset[str] = frozenset()
    borrowed: frozenset[tuple[str, str]] = frozenset()

    @property
    def module(self) -> str:
        """The name under which other files can import this one."""
        return self.name.rpartition("/")[2].rpartition(".")[0]

    @property
    def depth(self) -> int:
        """How many folders it lies below the top."""
        return self.name.count("/")

    @property
    def is_notebook(self) -> bool:
        return ".ipynb" in self.name.lower().rpartition("/")[2]

    @property
    def is_put_aside(self) -> bool:
        """Whether it lies in a folder that says so (`old/`)."""
        return bool(_KEPT.search(self.name.rpartition("/")[0]))


@dataclass(frozen=True, slots=True)
class Choice:
    """The file that counts, and why another may have been meant (`doubt`, "" for none)."""

    name: str
    doubt: str = ""
    rivals: tuple[str, ...] = ()


def claim_of(name: str, cells: Iterable[str], wanted: Collection[str] = ()) -> Claim:
    """The claim of a file with these code cells on the functions `wanted` (empty: on any)."""
    functions: dict[str, str] = {}
    imports: set[str] = set()
    borrowed: set[tuple[str, str]] = set()
    left = MAX_CODE
    for cell in cells:
        left -= len(cell)
        if left < 0:
            break
        read = parsed(cell)
        if read is None:
            functions.update((found, _digest(cell)) for found in _DEFINITION.findall(cell))
            continue
        for part in read[1]:
            _take(part, functions, imports, borrowed)
    if wanted:
        functions = {name: code for name, code in functions.items() if name in wanted}
        borrowed = {(taken, source) for taken, source in borrowed if taken in {*wanted, "*"}}
    return Claim(name, functions, frozenset(imports), frozenset(borrowed))


def choose(claims: Sequence[Claim]) -> Choice:
    """The file that is meant: it defines most functions, and does not lie in a folder below.

    The doubt names other files that could be meant as well. There must be one claim at least.
    """
    whole = {claim.name: _with_borrowed(claim, claims) for claim in claims}
    most = max(len(functions) for functions in whole.values())

    def rank(numbered: tuple[int, Claim]) -> tuple[bool, bool, int, int, bool, bool, int]:
        order, claim = numbered
        count = len(whole[claim.name])
        return (
            2 * count >= most and bool(count or not most),
            not claim.is_put_aside,
            -claim.depth,
            count,
            claim.is_notebook,
            bool(claim.imports),
            order,
        )

    _, best = max(enumerate(claims), key=rank)
    rivals = [
        claim for claim in claims if claim.name != best.name and _could_be_meant(claim, best, whole)
    ]
    if not rivals:
        return Choice(best.name)
    named = ", ".join(_short(claim.name) for claim in rivals[:3])
    counts = f"{len(whole[best.name])} of the exercises' functions"
    doubt = (
        f"{_short(best.name)} was graded, which defines {counts}; {named} may be meant instead, "
        f"with {max(len(whole[claim.name]) for claim in rivals)}"
    )
    return Choice(best.name, doubt, tuple(claim.name for claim in rivals))


def _could_be_meant(other: Claim, best: Claim, whole: Mapping[str, Mapping[str, str]]) -> bool:
    theirs, ours = whole[other.name], whole[best.name]
    if not theirs or other.module in best.imports:
        return False
    if other.is_put_aside or other.depth > best.depth:
        return len(theirs) > len(ours)
    if theirs.keys() - ours.keys():
        return True
    return 2 * len(theirs) >= len(ours) and any(ours[name] != theirs[name] for name in theirs)


def _with_borrowed(claim: Claim, claims: Sequence[Claim]) -> Mapping[str, str]:
    """A file's functions with those that it imports from the files beside it."""
    taken: dict[str, str] = {}
    for name, module in claim.borrowed:
        for other in claims:
            if other is not claim and not other.is_notebook and other.module == module:
                taken |= {key: code for key, code in other.functions.items() if name in ("*", key)}
    return {**taken, **claim.functions}


def parsed(cell: str) -> tuple[str, list[ast.stmt]] | None:
    """A cell as Python, without its magics, and its statements; `None` where it is no Python."""
    for text in (cell, _NOT_PYTHON.sub("", cell)):
        try:
            return text, ast.parse(text).body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
    return None


def _take(
    part: ast.stmt, functions: dict[str, str], imports: set[str], borrowed: set[tuple[str, str]]
) -> None:
    """Add what a statement at the top level defines; those under a condition count, too."""
    if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef):
        if not _is_stub(part):
            functions[part.name] = _digest(_dumped(part))
    elif isinstance(part, ast.ClassDef):
        functions[part.name] = _digest(_dumped(part))
    elif isinstance(part, ast.Import):
        imports.update(alias.name.partition(".")[0] for alias in part.names)
    elif isinstance(part, ast.ImportFrom):
        module = (part.module or "").rpartition(".")[2]
        imports.add(module)
        borrowed.update((alias.name, module) for alias in part.names)
    elif isinstance(part, ast.Assign | ast.AnnAssign):
        targets = part.targets if isinstance(part, ast.Assign) else [part.target]
        names = [target.id for target in targets if isinstance(target, ast.Name)]
        if names and isinstance(part.value, ast.Lambda | ast.Call | ast.Attribute | ast.Name):
            functions.update((name, _digest(_dumped(part))) for name in names)
    else:
        for below in statements_below(part):
            _take(below, functions, imports, borrowed)


def statements_below(part: ast.stmt) -> Iterator[ast.stmt]:
    """The statements directly within a compound one: under a condition, in a `try`."""
    for name in ("body", "orelse", "finalbody"):
        yield from (below for below in getattr(part, name, []) if isinstance(below, ast.stmt))
    for handler in getattr(part, "handlers", []):
        yield from handler.body


def _is_stub(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether a function has no answer yet, as in the student's notebook at the start."""
    return all(map(_says_nothing, function.body))


def _says_nothing(part: ast.stmt) -> bool:
    if isinstance(part, ast.Raise):
        raised = part.exc.func if isinstance(part.exc, ast.Call) else part.exc
        return isinstance(raised, ast.Name) and raised.id == "NotImplementedError"
    return isinstance(part, ast.Pass) or (
        isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant)
    )


def _dumped(part: ast.stmt) -> str:
    try:
        return ast.dump(part)
    except RecursionError:
        return repr(type(part))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]


def _short(name: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in name[-80:])
