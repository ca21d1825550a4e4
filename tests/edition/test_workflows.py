"""GitHub's workflow files: sound, harmless, and their steps do what they say."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml

from autograder.authoring.assignment import Assignment
from autograder.cli.main import run as run_command
from autograder.edition.notebook import solved_notebook
from autograder.edition.student_zip import student_zip
from autograder.edition.workflow import PATH, student_workflow

ROOT = Path(__file__).resolve().parents[2]
OURS = sorted((ROOT / ".github" / "workflows").iterdir())
COURSE = ROOT / ".github" / "workflows" / "course.yml"
BIN = Path(sys.executable).parent


def steps_of(text: str) -> dict[str, str]:
    """The commands of a workflow's only job, by the step's name."""
    (job,) = yaml.safe_load(text)["jobs"].values()
    return {step["name"]: step["run"] for step in job["steps"] if "run" in step}


def unzipped(assignment: Assignment, folder: Path) -> Path:
    """The folder that a student gets by unzipping."""
    zipfile.ZipFile(io.BytesIO(student_zip(assignment))).extractall(folder)
    return folder / assignment.name


def run_step(command: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a step as GitHub does, with this environment's programs."""
    return subprocess.run(
        ["bash", "-e", "-c", command],
        cwd=folder,
        env={**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}", **variables},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


@pytest.mark.parametrize("text", [*(p.read_text() for p in OURS), student_workflow("toy.ipynb")])
def test_a_workflow_fits_githubs_schema_and_can_do_no_harm(text, tmp_path):
    path = tmp_path / "workflow.yml"
    path.write_text(text)
    done = subprocess.run(
        [BIN / "check-jsonschema", "--builtin-schema", "vendor.github-workflows", path],
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    content = yaml.safe_load(text)
    assert content["permissions"] == {"contents": "read"}
    assert "${{" not in text, "nothing that somebody outside could choose is put into a command"
    (job,) = content["jobs"].values()
    assert "permissions" not in job
    assert job["timeout-minutes"] <= 120
    for step in job["steps"]:
        shell = subprocess.run(["bash", "-n"], input=step.get("run", ""), text=True)
        assert shell.returncode == 0
    checkout = job["steps"][0]
    assert checkout["uses"].startswith("actions/checkout@")
    assert checkout["with"] == {"persist-credentials": False}


def test_the_students_steps_check_the_notebook_and_agree_with_moelab_check(
    toy_course, tmp_path, capsys, monkeypatch
):
    assignment = toy_course.load()
    folder = unzipped(assignment, tmp_path)
    wrong = "def busiest_expert(load):\n    return '<b>|0'\n"
    gap = "def load_gap(indices, num_experts):\n    return num_experts / 0\n"
    answers = {"busiest_expert": wrong, "load_gap": gap}
    (folder / "toy.ipynb").write_text(solved_notebook(assignment, answers), encoding="utf-8")
    steps = steps_of((folder / PATH).read_text())
    install = run_step(steps["Install what the lab needs"], folder)
    assert install.returncode == 0, install.stderr
    summary = tmp_path / "summary.md"
    checked = run_step(
        steps["Run the public checks"],
        folder,
        GITHUB_STEP_SUMMARY=str(summary),
    )
    assert checked.returncode == 1, checked.stderr
    assert "✓ expert_load: The shares add up to one." in checked.stdout
    results = json.loads((folder / "results.json").read_text())
    assert [check["passed"] for check in results["checks"]] == [True, False, False]
    assert not list(folder.glob("*.zip")), "handing in is not for CI"

    page = summary.read_text()
    assert "## toy: 1 of 3 public checks pass" in page
    assert "| ✅ | expert&#95;load | The shares add up to one. |  |" in page
    assert "<b>" not in page
    assert all(line.count("|") == 5 for line in page.splitlines() if line.startswith("| "))

    monkeypatch.chdir(folder)
    own = tmp_path / "own.json"
    table = tmp_path / "own.md"
    arguments = ["--course", toy_course.name, "--json", str(own), "--summary", str(table)]
    assert run_command(["check", "toy.ipynb", *arguments]) == 1
    assert json.loads(own.read_text()) == results
    assert table.read_text() == page


def test_the_check_finds_helpers_and_moe_lab_reads_a_byte_order_mark_and_names_a_dead_kernel(
    toy_course, tmp_path
):
    assignment = toy_course.load()
    folder = unzipped(assignment, tmp_path)
    place = tmp_path / "mine"  # the lab does not lie beside this notebook, a helper does
    place.mkdir()
    (place / "my_helpers.py").write_text("def largest(load):\n    return int(load.argmax())\n")
    notebook = place / "renamed.ipynb"
    command = "python -m moelab_kit.check ../mine/renamed.ipynb"
    answers = {
        "busiest_expert": "from my_helpers import largest\n\n\n"
        "def busiest_expert(load):\n"
        "    if not len(load):\n        raise ValueError('empty')\n    return largest(load)\n"
    }
    notebook.write_text(solved_notebook(assignment, answers), encoding="utf-8-sig")
    kept_off = {"PYTHONPATH": str(folder), "PYTHONSAFEPATH": "1"}
    marked = run_step(command, folder, **kept_off)
    assert marked.returncode == 0, marked.stdout + marked.stderr
    assert marked.stdout.count("✓") == 3
    assert marked.stderr == "", "a kernel's own warnings are not for students"

    answers = {"busiest_expert": "import os\n\nos._exit(1)\n"}
    notebook.write_text(solved_notebook(assignment, answers), encoding="utf-8")
    dead = run_step(command, folder)
    assert dead.returncode == 2
    assert "a cell ended the notebook's kernel" in dead.stderr
    assert "Traceback" not in dead.stderr

    answers = {"busiest_expert": "import pathlib\n\npathlib.Path = None\n"}
    notebook.write_text(solved_notebook(assignment, answers), encoding="utf-8")
    broken = run_step(command, folder)
    assert broken.returncode == 2
    assert "its checks could not be run: " in broken.stderr


def test_the_courses_steps_are_what_ci_runs_and_the_build_is_up_to_date():
    steps = steps_of(COURSE.read_text())
    ci = (ROOT / ".ci" / "run").read_text()
    for command in ("moelab verify", "moelab build --check"):
        assert command in steps.values()
        assert command.removeprefix("moelab ") in ci
    done = run_step(steps["Compare the student edition with the course"], ROOT)
    assert done.returncode == 0, done.stdout
