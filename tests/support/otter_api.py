"""Grade with `otter.api.grade_submission` and print all that Otter knows then, as JSON.

python otter_api.py SUBMISSION AUTOGRADER_ZIP
python otter_api.py RESULTS_PKL                 what a finished run left
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import dill
from otter.api import grade_submission

from autograder.otter.plugin import NAME


def main(arguments: list[str]) -> None:
    """Print the checks of every question with what Otter thinks of them."""
    if len(arguments) == 2:
        results = grade_submission(*arguments, quiet=True)
    else:
        results = dill.loads(Path(arguments[0]).read_bytes())
    told = {
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
    print("RESULTS", json.dumps(told))


if __name__ == "__main__":
    main(sys.argv[1:])
