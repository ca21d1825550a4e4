"""The public checks of a notebook, run in one go, and their results for people and programs.

`grader.check` runs the same checks one by one: they are Otter tests in the notebook's metadata.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

FORMAT_VERSION = 1
_HIDDEN = "Further checks, which you do not see, ask for what the text says and no more."
_ESCAPED = {ord(sign): f"&#{ord(sign)};" for sign in "&<>\\`*_[]#|~$@"} | {
    ord("\r"): "",
    ord("\n"): "<br>",
}


@dataclass(frozen=True)
class PublicResult:
    """How one public check went; `message` is empty where it passed."""

    exercise: str
    title: str
    message: str

    @property
    def passed(self) -> bool:
        """Whether the check passed."""
        return not self.message


def notebook_tests(notebook: Mapping[str, Any]) -> dict[str, str]:
    """The Otter tests in a notebook's metadata by exercise, in the order of the notebook's text.

    Raises `ValueError` where there are none.
    """
    tests = _of_otter(notebook, "tests")
    if not isinstance(tests, dict) or not tests:
        raise ValueError("the notebook holds no public checks: start from the one you were given")
    text = json.dumps(notebook.get("cells"), ensure_ascii=False)
    order = {name: text.find(f'grader.check(\\"{name}\\")') for name in tests}
    return {name: str(tests[name]) for name in sorted(tests, key=lambda name: (order[name], name))}


def assignment_of(notebook: Mapping[str, Any]) -> str:
    """The assignment that a notebook's metadata names, "" for none."""
    name = _of_otter(notebook, "assignment_name")
    return name if isinstance(name, str) else ""


def run_public_checks(
    tests: Mapping[str, str], namespace: dict[str, Any]
) -> Iterator[PublicResult]:
    """Run Otter tests against the names that a notebook's cells have defined."""
    from otter.test_files import ExceptionTestFile

    for exercise, source in tests.items():
        for case in ExceptionTestFile.from_string(source, path=exercise).test_cases:
            message = ""
            try:
                case.body.call_func(namespace)
            except Exception as wrong:
                message = str(wrong) or case.name
            yield PublicResult(exercise, case.name, message)


def rows_of(results: Iterable[PublicResult]) -> list[dict[str, Any]]:
    """The results as plain data."""
    return [
        {"exercise": r.exercise, "title": r.title, "passed": r.passed, "message": r.message}
        for r in results
    ]


def results_as_json(assignment: str, results: Iterable[PublicResult]) -> str:
    """The results for programs."""
    content = {
        "format_version": FORMAT_VERSION,
        "assignment": assignment,
        "checks": rows_of(results),
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def results_from_json(text: str) -> list[PublicResult]:
    """Read what `results_as_json` wrote; `ValueError` or `KeyError` for anything else."""
    content = json.loads(text)
    if content["format_version"] != FORMAT_VERSION:
        raise ValueError(f"format_version {content['format_version']!r} is not {FORMAT_VERSION}")
    return [PublicResult(c["exercise"], c["title"], c["message"]) for c in content["checks"]]


def results_as_markdown(assignment: str, results: Iterable[PublicResult]) -> str:
    """The results as a page with a table, as GitHub shows it in a job's summary."""
    rows = list(results)
    passed = sum(row.passed for row in rows)
    lines = [
        f"## {_cell(assignment)}: {passed} of {len(rows)} public checks pass",
        "",
        "| | exercise | check | what it says |",
        "| --- | --- | --- | --- |",
    ]
    lines += [
        f"| {'✅' if row.passed else '❌'} | {_cell(row.exercise)} | {_cell(row.title)} "
        f"| {_cell(row.message)} |"
        for row in rows
    ]
    return "\n".join([*lines, "", _HIDDEN, ""])


def _of_otter(notebook: Mapping[str, Any], key: str) -> Any:
    """An entry of Otter's part of a notebook's metadata; None where there is none."""
    metadata = notebook.get("metadata")
    otter = metadata.get("otter") if isinstance(metadata, dict) else None
    return otter.get(key) if isinstance(otter, dict) else None


def _cell(text: str) -> str:
    """Text as one cell of a table: no HTML, no Markdown, no line breaks of its own."""
    return text.translate(_ESCAPED)
