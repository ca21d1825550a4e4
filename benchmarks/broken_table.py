"""Grade every broken submission of the tests, and print what came of it.

    python benchmarks/broken_table.py [--write docs/evidence/broken.md] [NAME ...]

Prints a Markdown table, submission × (status, outcome of each function, what is said), or puts it
between the two marks in a file. Exits with 1 when an expectation is not met.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import with_tests  # noqa: F401
from broken_suite import FUNCTIONS, Case, cannot_try, cases, grade_all, outcomes, said

from autograder.records import Grade

BEGIN, END = "<!-- broken table: begin -->", "<!-- broken table: end -->"
LONGEST = 300


def problems(case: Case, grade: Grade) -> list[str]:
    """In what a grade is not what its case declares to be fair."""
    words = said(grade)
    found = [f"does not say {part!r}" for part in case.says if part not in words]
    if grade.status.value != case.status:
        found.append(f"is {grade.status.value}, not {case.status}")
    if outcomes(grade) != case.graded:
        found.append(f"ended as {outcomes(grade)}, not {case.graded}")
    return found


def main(arguments: list[str]) -> int:
    """Grade, print or write; the exit status."""
    wrong = 0
    rows = []
    names = arguments[2:] if arguments[:1] == ["--write"] else arguments
    tried = [case for case in cases() if not names or case.name in names]
    wanted = tuple(case for case in tried if not cannot_try(case))
    with tempfile.TemporaryDirectory(prefix="broken-") as folder:
        for case, grade in grade_all(wanted, Path(folder), "toycourse"):
            for problem in problems(case, grade):
                wrong += 1
                print(f"{case.name} {problem}:\n    {said(grade)}", file=sys.stderr)
            rows.append(_row(case, grade))
    lines = [
        f"{len(rows)} broken or odd submissions. Functions: the outcome of all checks, or of the "
        "first that did not pass.",
        "",
        f"| What is wrong | File | Status | {' | '.join(f'`{name}`' for name in FUNCTIONS)} "
        "| What is said |",
        "| --- | --- | --- |" + " --- |" * len(FUNCTIONS) + " --- |",
        *rows,
    ]
    if arguments[:1] == ["--write"]:
        page = Path(arguments[1])
        before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
        after = rest.partition(END)[2]
        text = "\n".join(lines)
        page.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", encoding="utf-8")
    else:
        print("\n".join(lines))
    return int(wrong > 0)


def _row(case: Case, grade: Grade) -> str:
    words = said(grade)
    shown = words if len(words) <= LONGEST else words[: LONGEST - 1] + "…"
    cells = (
        f"{case.title.rstrip('.')} (`{case.name}`)",
        f"`{case.file.replace('|', '¦')}`",
        grade.status.value,
        *outcomes(grade).values(),
        "<br>".join(_escaped(line) for line in shown.splitlines()),
    )
    return f"| {' | '.join(cells)} |"


def _escaped(text: str) -> str:
    for letter in "\\`*_<>|[]":
        text = text.replace(letter, "\\" + letter)
    return text


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
