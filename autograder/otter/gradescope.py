"""One run in Gradescope's folders: `source`, `submission`, `submission_metadata.json`, `results`.

Gradescope starts `source/run_otter.py` of the autograder package, which comes here. The folders lie
below `/autograder` there, and anywhere else in a test.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from otter.run.run_autograder import main as run_otter
from otter.utils import OTTER_CONFIG_FILENAME

from autograder.otter.plugin import ASIDE, NAME
from autograder.otter.quarantine import submission_aside, write_placeholder


def run(root: Path) -> None:
    """Grade what lies in `root/submission`, and write `root/results/results.json`.

    The student's files are out of reach while Otter works, and back in place afterwards. Raises
    `OtterRuntimeError` where nothing could be graded; its text is in the results too.
    """
    (root / "results").mkdir(exist_ok=True)
    folder = root / "submission"
    with submission_aside(folder) as aside:
        write_placeholder(folder / "submission.ipynb")
        run_otter(str(root), plugins=_plugins(root, aside))


def _plugins(root: Path, aside: Path) -> list[Any]:
    """The package's plugins, with ours told where the submission is."""
    text = (root / "source" / OTTER_CONFIG_FILENAME).read_text(encoding="utf-8")
    return [
        {NAME: {**plugin[NAME], ASIDE: str(aside)}}
        if isinstance(plugin, dict) and NAME in plugin
        else plugin
        for plugin in json.loads(text)["plugins"]
    ]
