"""`moelab new exercise`: the files of one more exercise, and its line in the order of its lab."""

from __future__ import annotations

import ast
from pathlib import Path

from autograder.authoring.course import assignment_names
from autograder.courses import folder_of, name_of
from autograder.new.writing import CannotMake, filled, in_words, must_be_a_name, write_new

_FILES = {
    "__init__.py": "exercise/init.py",
    "checks.py": "exercise/checks.py",
    "answers.py": "exercise/answers.py",
}


def new_exercise(name: str, course: str, assignment: str = "") -> list[str]:
    """Write an exercise that passes `moelab verify` except where its author must think.

    It goes into `assignment`, else into the only one of the course. Returns what was done and what
    comes next, in sentences. Raises `CannotMake` or `CourseError`.
    """
    must_be_a_name(name, "an exercise")
    lab = folder_of(course) / (assignment or _only_assignment(course))
    if not (lab / "__init__.py").is_file():
        known = ", ".join(assignment_names(course)) or "none"
        raise CannotMake(f"there is no assignment {assignment!r} in this course; there is {known}")
    if "site-packages" in lab.parts:
        raise CannotMake(f"the course in {lab} is an installed one: start in your course's folder")
    values = {
        "exercise": name,
        "title": in_words(name),
        "package": f"{name_of(course)}.{lab.name}",
    }
    folder = lab / name
    write_new({folder / file: filled(template, **values) for file, template in _FILES.items()})
    told = [f"wrote {folder / file}" for file in _FILES]
    told.append(_into_the_order(lab / "__init__.py", name))
    return [
        *told,
        f"Next: write the statement and the solution in {folder / '__init__.py'}, where it says "
        f"TODO. `moelab verify {name} --watch` says at every save what is still to do; "
        "`moelab build` writes what students get.",
    ]


def _only_assignment(course: str) -> str:
    names = assignment_names(course)
    if len(names) != 1:
        raise CannotMake(
            f"say which assignment the exercise is for: --assignment {'|'.join(names) or 'NAME'}"
        )
    return names[0]


def _into_the_order(file: Path, name: str) -> str:
    """Add the exercise to `parts` of the assignment, as its last one; what was done."""
    source = file.read_text(encoding="utf-8")
    parts = _parts_in(source)
    if parts is None:
        return f'add the line `"{name}",` to the `parts` of the assignment in {file}'
    lines = source.splitlines(keepends=True)
    last = parts.elts[-1] if parts.elts else None
    row, column = (last.end_lineno, last.end_col_offset) if last else (parts.lineno, -1)
    if last is None or row is None or column is None or last.lineno == parts.lineno:
        return f'add the line `"{name}",` to the `parts` of the assignment in {file}'
    line = lines[row - 1].encode()
    indent = " " * last.col_offset if row == last.lineno else " " * (parts.col_offset + 4)
    rest = line[column:].decode()
    after = rest[1:] if rest.startswith(",") else rest
    lines[row - 1] = f'{line[:column].decode()},{after.rstrip()}\n{indent}"{name}",\n'
    changed = "".join(lines)
    if _names_of(changed) != [*_names_of(source), name]:
        return f'add the line `"{name}",` to the `parts` of the assignment in {file}'
    file.write_text(changed, encoding="utf-8")
    return f"added {name} to the order in {file}, as the last part: move it where it belongs"


def _parts_in(source: str) -> ast.Tuple | None:
    """The tuple that is given as `parts` in `Assignment(…)`."""
    calls = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call))
    for call in calls:
        for given in call.keywords:
            if given.arg == "parts" and isinstance(given.value, ast.Tuple):
                return given.value
    return None


def _names_of(source: str) -> list[str]:
    """The exercises that are in the order by their names; [] where it is no Python."""
    try:
        parts = _parts_in(source)
    except SyntaxError:
        return []
    elements = parts.elts if parts is not None else []
    return [str(one.value) for one in elements if isinstance(one, ast.Constant)]
