"""`python -m moelab_kit.check NOTEBOOK`: run a notebook and its public checks, as CI does.

Their results are written for people and for programs. `grader.check` runs the same checks one by
one: they are Otter tests in the notebook's metadata.

For one's own work: the notebook's code runs as it is. Needs what Otter brings along (nbclient).
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CHECKING = "MOE_LAB_CHECKING"  # set while a notebook is run for its checks: nothing is packed then
SESSION = "JPYSESSION_NAME"  # JupyterLab and Notebook tell a kernel its notebook in this variable
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


CELL_SECONDS = 600
EXPORT_CELL = "export"  # packs the notebook, which nobody needs here
_LAB = str(Path(__file__).resolve().parents[1])  # holds this package, for notebooks elsewhere
_FIND_LAB = f'__import__("sys").path.append({_LAB!r})'  # last: what lies beside comes first


def main(arguments: list[str] | None = None) -> int:
    """Run the command; 0 when all checks pass, 1 when one does not, 2 where none could be run."""
    parser = argparse.ArgumentParser(prog="python -m moelab_kit.check", description=__doc__)
    parser.add_argument("notebook", type=Path)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results, for programs")
    parser.add_argument("--summary", type=Path, metavar="FILE", help="append a table in Markdown")
    options = parser.parse_args(arguments)
    try:
        assignment, results = check(options.notebook)
    except (OSError, ValueError, KeyError) as error:
        print(f"{options.notebook}: {error}", file=sys.stderr)  # noqa: T201
        return 2
    for result in results:
        print(f"{'✓' if result.passed else '✗'} {result.exercise}: {result.title}")  # noqa: T201
        if result.message:
            print(f"    {result.message}")  # noqa: T201
    if options.json:
        options.json.write_text(results_as_json(assignment, results), encoding="utf-8")
    if options.summary:
        with options.summary.open("a", encoding="utf-8") as page:
            page.write(results_as_markdown(assignment, results))
    return 0 if all(result.passed for result in results) else 1


def check(notebook: Path) -> tuple[str, list[PublicResult]]:
    """Run a notebook's cells in a kernel, then its public checks there.

    Returns the assignment's name and the results. A cell that raises does not stop the next ones.
    Raises `OSError` or `ValueError` where the file is no notebook with checks.
    """
    import nbclient
    import nbformat
    from jupyter_client.kernelspec import NoSuchKernel
    from nbclient.exceptions import DeadKernelError

    found = nbformat.reads(notebook.read_text(encoding="utf-8-sig"), as_version=4)
    notebook_tests(found)
    found.cells = [cell for cell in found.cells if cell.get("id") != EXPORT_CELL]
    with tempfile.TemporaryDirectory() as folder:
        written = Path(folder) / "results.json"
        source = (
            "from moelab_kit.check import report\n\n"
            f"report({str(notebook.resolve())!r}, {str(written)!r})"
        )
        found.cells.insert(0, nbformat.v4.new_code_cell(_FIND_LAB))
        found.cells.append(nbformat.v4.new_code_cell(source))
        client = nbclient.NotebookClient(
            found,
            timeout=CELL_SECONDS,
            startup_timeout=CELL_SECONDS,
            interrupt_on_timeout=True,
            allow_errors=True,
            kernel_name="python3",
            extra_arguments=["--log-level=ERROR"],
            resources={"metadata": {"path": str(notebook.resolve().parent)}},
        )
        try:
            client.execute(env=_environment(notebook))
        except DeadKernelError as error:
            raise ValueError(
                "a cell ended the notebook's kernel, so no check could be run; run the cells one "
                "by one to find it (often os._exit, or too little memory), and correct it"
            ) from error
        except (NoSuchKernel, RuntimeError) as error:
            raise ValueError(
                f"Jupyter's Python kernel does not start ({error}): install ipykernel in this "
                "environment, or try again when the computer is less busy"
            ) from error
        if not written.is_file():
            raise ValueError(f"its checks could not be run: {_last_error(found)}")
        return assignment_of(found), results_from_json(written.read_text(encoding="utf-8"))


def _environment(notebook: Path) -> dict[str, str]:
    """The kernel's environment: modules beside the notebook are found, as Jupyter finds them."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"}
    return {**kept, CHECKING: "1", SESSION: str(notebook.resolve())}


def _last_error(notebook: Any) -> str:
    """What the last cell raised, in a clause."""
    for output in notebook.cells[-1].get("outputs", ()):
        if output.get("output_type") == "error":
            return f"{output.ename}: {output.evalue}"
    return "the last cell did not end"


def report(notebook: str, written: str) -> None:
    """In the notebook's own kernel: run the checks on what its cells defined, and write results."""
    content = json.loads(Path(notebook).read_bytes())
    namespace = vars(sys.modules["__main__"])
    results = run_public_checks(notebook_tests(content), namespace)
    text = results_as_json(assignment_of(content), results)
    Path(written).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
