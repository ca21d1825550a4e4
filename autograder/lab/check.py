"""`python -m moe_lab.check NOTEBOOK`: run a notebook and its public checks, as CI does.

For one's own work: the notebook's code runs as it is. Needs what Otter brings along (nbclient).
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from .public import (
    PublicResult,
    assignment_of,
    notebook_tests,
    results_as_json,
    results_as_markdown,
    results_from_json,
    run_public_checks,
)

CELL_SECONDS = 600
EXPORT_CELL = "export"  # packs the notebook, which nobody needs here


def main(arguments: list[str] | None = None) -> int:
    """Run the command; 0 when all checks pass, 1 when one does not, 2 where none could be run."""
    parser = argparse.ArgumentParser(prog="python -m moe_lab.check", description=__doc__)
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

    found = nbformat.read(notebook, as_version=4)
    notebook_tests(found)
    found.cells = [cell for cell in found.cells if cell.get("id") != EXPORT_CELL]
    with tempfile.TemporaryDirectory() as folder:
        written = Path(folder) / "results.json"
        source = f"from moe_lab.check import report\n\nreport({notebook.name!r}, {str(written)!r})"
        found.cells.append(nbformat.v4.new_code_cell(source))
        nbclient.NotebookClient(
            found,
            timeout=CELL_SECONDS,
            interrupt_on_timeout=True,
            allow_errors=True,
            kernel_name="python3",
            resources={"metadata": {"path": str(notebook.resolve().parent)}},
        ).execute()
        if not written.is_file():
            raise ValueError("the notebook ended before its checks could be run")
        return assignment_of(found), results_from_json(written.read_text(encoding="utf-8"))


def report(notebook: str, written: str) -> None:
    """In the notebook's own kernel: run the checks on what its cells defined, and write results."""
    content = json.loads(Path(notebook).read_bytes())
    namespace = vars(sys.modules["__main__"])
    results = run_public_checks(notebook_tests(content), namespace)
    text = results_as_json(assignment_of(content), results)
    Path(written).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
