"""Grade with `otter.api.grade_submission` and print all that Otter knows then, as JSON.

python otter_api.py SUBMISSION AUTOGRADER_ZIP
python otter_api.py RESULTS_PKL...              what finished runs left, a line each
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import dill
from otter.api import grade_submission
from otter.test_files import GradingResults

from autograder.otter.plugin import NAME


def main(arguments: list[str]) -> None:
    """Print the checks of every question with what Otter thinks of them."""
    if Path(arguments[0]).suffix == ".pkl":
        found = [dill.loads(Path(argument).read_bytes()) for argument in arguments]
    else:
        found = [grade_submission(*arguments, quiet=True)]
    for results in found:
        print("RESULTS", json.dumps(told(results)))


def told(results: GradingResults) -> dict[str, Any]:
    """All that Otter knows of one submission."""
    return {
        "total": results.total,
        "possible": results.possible,
        "output": results.output,
        "details": results.get_plugin_data(NAME),
        "questions": {
            name: {
                "score": results.get_score(name),
                "checks": [
                    [r.test_case.name, r.test_case.hidden, r.test_case.points, r.passed, r.message]
                    for r in results.get_result(name).test_case_results
                ],
            }
            for name in results.test_files
        },
    }


if __name__ == "__main__":
    main(sys.argv[1:])
