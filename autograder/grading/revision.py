"""The revision that a grade was made with: a digest of everything that decides it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from autograder.authoring.assignment import Assignment


ENGINE_PARTS = (
    *("authoring", "grading", "inside", "models", "notebook", "sandbox", "serving"),
    *("submission", "wire"),
)
ENGINE_MODULES = ("courses.py", "linux.py", "records.py", "seeds.py", "session.py", "text.py")


def course_revision(assignment: Assignment) -> str:
    """A digest of everything that decides a grade: the assignment's sources and the engine's."""
    engine = Path(__file__).resolve().parents[1]
    sources = [path for part in ENGINE_PARTS for path in (engine / part).rglob("*.py")]
    sources += [engine / name for name in ENGINE_MODULES]
    course = assignment.folder.resolve().parent
    named = {f"engine/{path.relative_to(engine).as_posix()}": path for path in sources}
    for name in ("moelab_kit", *assignment.packages):
        for path in Path(str(import_module(name).__file__)).parent.glob("*.py"):
            named[f"lab/{name}/{path.name}"] = path
    for path in _course_files(assignment.folder.resolve()):
        named[f"course/{path.relative_to(course).as_posix()}"] = path
    digest = hashlib.sha256()
    for name, path in sorted(named.items()):
        content = path.read_bytes()
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()[:16]


def _course_files(folder: Path) -> Iterator[Path]:
    """All files of an assignment, and the course's modules beside it that it may import."""
    for path in folder.rglob("*"):
        hidden = path.name.startswith((".", "#")) or path.name.endswith("~")  # an editor's
        if path.is_file() and not hidden and "__pycache__" not in path.parts:
            yield path
    yield from folder.parent.glob("*.py")
