"""Each benchmark runs: a short run of the real script, on real submissions.

The table of attacks is made by `tests/hostile/test_levels.py`, `docs/the-naive-lab.md` by
`tests/naive`; `full_scale.py` and `usual_way.py` need a GPU, and `docs/evidence/gpu.md` says
when they ran.
"""

from __future__ import annotations

import runpy
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from autograder.grading import worker

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
APART = {"batch_promise"}  # it counts processes, and lets attacks loose on those around it
RUN_BY_OTHER_TESTS = {
    "attack_table": "tests/hostile/test_levels.py",
    "lab_pictures": "tests/reference/test_both_labs.py",
    "naive_lab": "tests/naive/test_naive_lab.py",
    "system_calls": "tests/sandbox/test_system_calls.py",
}
NEEDS_A_GPU = {"full_scale", "usual_way"}
PARTS_OF_OTHERS = {"attacks_on_otter", "submission_cpu", "with_tests"}


@pytest.mark.sandbox
@pytest.mark.parametrize("name", APART)
def test_a_short_run_in_a_process_of_its_own_ends_well_and_prints_figures(name: str) -> None:
    command = [sys.executable, str(BENCHMARKS / f"{name}.py"), *SHORT_RUNS[name]]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert any(letter.isdigit() for letter in done.stdout), done.stdout


@pytest.mark.sandbox
@pytest.mark.parametrize("name", [name for name in SHORT_RUNS if name not in APART])
def test_a_short_run_ends_well_and_prints_figures(
    name: str, as_a_program: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In this process, which has imported torch already and has a fork server."""
    script = BENCHMARKS / f"{name}.py"
    as_a_program.setattr(sys, "argv", [str(script), *SHORT_RUNS[name]])
    status = None
    try:
        runpy.run_path(str(script), run_name="__main__")
    except SystemExit as ended:
        status = ended.code
    printed, said = capsys.readouterr()
    assert not status, said[-2000:]
    assert any(letter.isdigit() for letter in printed), printed


@pytest.fixture
def as_a_program(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """The script's folder is the first to import from; what it changes and imports goes with it."""
    monkeypatch.setattr(sys, "path", [str(BENCHMARKS), *sys.path])
    monkeypatch.setattr(worker, "Misconceptions", worker.Misconceptions)  # one script times its own
    monkeypatch.chdir(ROOT)
    yield monkeypatch
    for path in BENCHMARKS.glob("*.py"):
        sys.modules.pop(path.stem, None)


def test_no_benchmark_is_left_out() -> None:
    known = {*SHORT_RUNS, *RUN_BY_OTHER_TESTS, *NEEDS_A_GPU, *PARTS_OF_OTHERS}
    assert {path.stem for path in BENCHMARKS.glob("*.py")} == known
    assert all((ROOT / place).exists() for place in RUN_BY_OTHER_TESTS.values())
