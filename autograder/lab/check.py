"""`python -m moe_lab.check NOTEBOOK`: run a notebook and its public checks, as CI does.

For one's own work: the notebook's code runs as it is. Needs what Otter brings along (nbclient).
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from autograder.lab.handin import CHECKING
from autograder.lab.public import (
    PublicResult,
    assignment_of,
    notebook_tests,
    results_as_json,
    results_as_markdown,
    results_from_json,
    run_public_checks,
)
from autograder.lab.saved import SESSION

CELL_SECONDS = 600
EXPORT_CELL = "export"  # packs the notebook, which nobody needs here
_LAB = str(Path(__file__).resolve().parents[1])  # holds this package, for notebooks elsewhere
_FIND_MOE_LAB = f'__import__("sys").path.append({_LAB!r})'  # last: what lies beside comes first


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
    from jupyter_client.kernelspec import NoSuchKernel
    from nbclient.exceptions import DeadKernelError

    found = nbformat.reads(notebook.read_text(encoding="utf-8-sig"), as_version=4)
    notebook_tests(found)
    found.cells = [cell for cell in found.cells if cell.get("id") != EXPORT_CELL]
    with tempfile.TemporaryDirectory() as folder:
        written = Path(folder) / "results.json"
        source = (
            "from moe_lab.check import report\n\n"
            f"report({str(notebook.resolve())!r}, {str(written)!r})"
        )
        found.cells.insert(0, nbformat.v4.new_code_cell(_FIND_MOE_LAB))
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
