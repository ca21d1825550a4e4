"""GitHub's workflow files: sound, harmless, and their steps do what they say."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml

from autograder.authoring.assignment import Assignment
from autograder.cli.main import run as run_command
from autograder.edition.notebook import solved_notebook
from autograder.edition.student_zip import student_zip
from autograder.edition.workflow import PATH, student_workflow

pytestmark = pytest.mark.slow

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


# The only jobs that may do more than read, and what; each runs no code of this repository.
RIGHTS = {
    ("Release", "attest"): {"contents": "read", "id-token": "write", "attestations": "write"},
    ("Release", "publish"): {"id-token": "write"},
    ("Release", "announce"): {"contents": "write"},
}
TOKEN = "${{ github.token }}"


@pytest.mark.parametrize("text", [*(p.read_text() for p in OURS), student_workflow("toy.ipynb")])
def test_a_workflow_fits_githubs_schema_and_can_do_no_harm(text, tmp_path):
    path = tmp_path / "workflow.yml"
    path.write_text(text)
    fits_schema(path, "vendor.github-workflows")
    content = yaml.safe_load(text)
    assert content["permissions"] == {"contents": "read"}
    for name, job in content["jobs"].items():
        rights = RIGHTS.get((content["name"], name))
        assert job.get("permissions") == rights
        assert job["timeout-minutes"] <= 120
        uses = [step.get("uses", "") for step in job["steps"]]
        checkouts = [step for step in job["steps"] if "actions/checkout@" in step.get("uses", "")]
        if rights:
            assert not checkouts, "a job that may write runs no code of this repository"
        else:
            assert uses[0].startswith("actions/checkout@")
        assert all(step["with"] == {"persist-credentials": False} for step in checkouts)
        for step in job["steps"]:
            command = step.get("run", "")
            assert subprocess.run(["bash", "-n"], input=command, text=True).returncode == 0
            if rights and "GH_TOKEN" in step.get("env", {}):
                assert step["env"] == {"GH_TOKEN": TOKEN}
                text = text.replace(f"GH_TOKEN: {TOKEN}", "")
    assert "${{" not in text, "nothing that somebody outside could choose is put into a command"


def fits_schema(path: Path, schema: str) -> None:
    """Compare a file with a schema that check-jsonschema brings."""
    done = subprocess.run(
        [BIN / "check-jsonschema", "--builtin-schema", schema, path],
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_release_needs_its_tag_its_changelog_and_a_person(tmp_path):
    release = yaml.safe_load((ROOT / ".github" / "workflows" / "release.yml").read_text())
    jobs = release["jobs"]
    assert jobs["publish"]["environment"] == "release", "where a reviewer decides"
    assert [jobs[name]["needs"] for name in ("attest", "publish", "announce")] == [
        "build",
        "attest",
        "publish",
    ]
    steps = {step["name"]: step["run"] for step in jobs["build"]["steps"] if "name" in step}
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "1.2.0"\n')
    (tmp_path / "CHANGELOG.md").write_text(
        "# Changelog\n\n## 1.2.0\n\n* New.\n\n## 1.1.0\n\n* Old.\n"
    )
    (tmp_path / "sbom").mkdir()
    tag, notes = (
        steps["Compare the tag with the version"],
        steps["Take the lines about this version from the changelog"],
    )
    assert run_step(tag, tmp_path, GITHUB_REF_NAME="v1.2.0").returncode == 0
    assert run_step(tag, tmp_path, GITHUB_REF_NAME="v1.3.0").returncode == 1
    assert run_step(notes, tmp_path, GITHUB_REF_NAME="v1.2.0").returncode == 0
    assert (tmp_path / "sbom" / "notes.md").read_text() == "## 1.2.0\n\n* New.\n\n"
    assert run_step(notes, tmp_path, GITHUB_REF_NAME="v1.3.0").returncode == 1


def test_the_checks_on_a_push_are_what_ci_runs():
    checks = yaml.safe_load((ROOT / ".github" / "workflows" / "checks.yml").read_text())["jobs"]
    commands = [step["run"] for job in checks.values() for step in job["steps"] if "run" in step]
    ci = (ROOT / ".ci" / "run").read_text()
    assert "pytest" in commands
    for command in (
        "ruff check .",
        "ruff format --check .",
        "mypy",
        "lint-imports",
        "sphinx-build",
    ):
        assert any(command in one for one in commands)
        program, _, rest = command.partition(" ")
        assert f'"$bin/{program}"{rest and " " + rest}' in ci


def test_citation_and_development_container_fit_the_package():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    fits_schema(ROOT / "CITATION.cff", "vendor.citation-file-format")
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert (citation["version"], citation["license"]) == (project["version"], project["license"])
    container = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text())
    extras = re.search(r"\.\[([a-z,]+)\]", container["postCreateCommand"])
    assert extras is not None
    assert set(extras[1].split(",")) <= set(project["optional-dependencies"])


def test_a_source_distribution_holds_what_its_tests_and_its_site_need(tmp_path):
    pytest.importorskip("setuptools", minversion="77")
    script = (
        "from setuptools import setup; setup(script_args=['-q', 'egg_info', '--egg-base', '.'])"
    )
    command = script.replace("'.'", repr(str(tmp_path)))
    done = subprocess.run(
        [sys.executable, "-c", command], cwd=ROOT, capture_output=True, encoding="utf-8"
    )
    assert done.returncode == 0, done.stderr
    held = (tmp_path / "moelab.egg-info" / "SOURCES.txt").read_text(encoding="utf-8").splitlines()
    needed = {"constraints.txt", "CHANGELOG.md", "docs/conf.py", "docs/index.md", ".ci/run"}
    needed |= {"docs/reference/grade-file.schema.json", "tests/edition/test_workflows.py"}
    needed |= {"reference/moe_routing_in_practice/prose/introduction.md"}
    assert needed <= set(held)
    assert not [name for name in held if "__pycache__" in name or name.endswith(".pyc")]


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


def test_the_courses_steps_are_what_ci_runs():
    steps = steps_of(COURSE.read_text())
    ci = (ROOT / ".ci" / "run").read_text()
    for command in ("moelab verify", "moelab build --check"):
        assert command in steps.values()
        assert command.removeprefix("moelab ") in ci
