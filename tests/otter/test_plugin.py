"""What Otter's own process carries."""

from __future__ import annotations

import subprocess
import sys

HEAVY = ("torch", "transformers", "matplotlib", "sqlalchemy", "reference")


def test_otters_process_imports_neither_torch_nor_the_course():
    """It would take seconds and hundreds of megabytes, and hold the course beside Otter."""
    code = (
        "import sys, autograder.otter.gradescope, autograder.otter.plugin\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
