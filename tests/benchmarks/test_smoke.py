"""Each benchmark runs: a short run of the real script, on real submissions.

The table of attacks is made by `tests/hostile/test_levels.py`, `docs/the-naive-lab.md` by
`tests/naive`; `full_scale.py` and `usual_way.py` need a GPU, and `docs/evidence/gpu.md` says
when they ran.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
BENCHMARKS = ROOT / "benchmarks"
SHORT_RUNS = {
    "batch_promise": ("--students", "5", "abort"),
    "broken_table": ("empty_file",),
    "compare_revisions": (".", "--rounds", "1", "--only", "functions"),
    "cost_of_naming": ("--students", "1", "--assignment", "moe_routing_in_practice"),
    "kill_the_grader": ("--submissions", "2", "--kills", "1"),
    "misconceptions": ("--exercise", "coactivation"),
    "otter_attack_table": ("wrong",),
    "otter_class": ("toy", "--course", "toycourse", "--only", "right_export.zip"),
    "per_submission": (
        *("--assignment", "moe_routing_in_practice", "--functions-only"),
        *("--rounds", "1", "--otter-rounds", "1"),
    ),
    "sandbox_start": ("--rounds", "1", "--at-once", "1"),
    "train_router": ("--race", "--steps", "2"),
}
RUN_BY_OTHER_TESTS = {
    "attack_table": "tests/hostile/test_levels.py",
    "lab_pictures": "tests/reference/test_both_labs.py",
    "naive_lab": "tests/naive/test_naive_lab.py",
    "system_calls": "tests/sandbox/test_system_calls.py",
}
NEEDS_A_GPU = {"full_scale", "usual_way"}
PARTS_OF_OTHERS = {"attacks_on_otter", "submission_cpu", "with_tests"}


@pytest.mark.sandbox
@pytest.mark.parametrize("name", SHORT_RUNS)
def test_a_short_run_ends_well_and_prints_figures(name: str, tmp_path: Path) -> None:
    command = [sys.executable, str(BENCHMARKS / f"{name}.py"), *SHORT_RUNS[name]]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert any(letter.isdigit() for letter in done.stdout), done.stdout


def test_no_benchmark_is_left_out() -> None:
    known = {*SHORT_RUNS, *RUN_BY_OTHER_TESTS, *NEEDS_A_GPU, *PARTS_OF_OTHERS}
    assert {path.stem for path in BENCHMARKS.glob("*.py")} == known
    assert all((ROOT / place).exists() for place in RUN_BY_OTHER_TESTS.values())
