"""`otter run` where moelab is installed as a wheel, as `pip install .` does: the package grades."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest
from otter_places import ROOT

from autograder.authoring.course import load_assignment
from autograder.otter.engine import Order
from autograder.otter.package.contents import package

pytestmark = [pytest.mark.slow, pytest.mark.sandbox]

RIGHT = ROOT / "tests" / "submission" / "ordinary" / "06_missing_first_import.ipynb"
ORDER = Order(assignment="moe_routing_in_practice", options=("--seed", "wheel"))


def wheel(folder: Path) -> Path:
    """A wheel of moelab, made as pip makes one before it installs it."""
    source = folder / "source"
    skipped = shutil.ignore_patterns("__pycache__")
    for name in ("autograder", "reference", "assignments/moelab_kit", "assignments/moe_lab"):
        shutil.copytree(ROOT / name, source / name, ignore=skipped)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet")
    options = ("--no-deps", "--no-index", "--no-build-isolation", "--wheel-dir", str(folder))
    subprocess.run([*pip, "wheel", *options, str(source)], check=True)
    (made,) = folder.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Python in an environment that has the wheel, and everything else from here."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder / "env", with_pip=False)
    here = folder / "env" / "bin" / "python"
    (site,) = (folder / "env" / "lib").glob("python*/site-packages")
    made = wheel(folder)
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet")
    options = ("--no-deps", "--no-index", "--target", str(site))
    subprocess.run([*pip, "install", *options, str(made)], check=True)
    # A path in a .pth file is not searched for .pth files: the checkout stays unknown.
    (site / "everything_else.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return here


def test_right_answers_earn_everything(python: Path, tmp_path: Path) -> None:
    (tmp_path / "autograder.zip").write_bytes(package(load_assignment(ORDER.assignment), ORDER))
    shutil.copy(RIGHT, tmp_path / "lab.ipynb")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    told = "import autograder, moe_lab, moelab_kit, reference; print(reference.__file__)"
    where = subprocess.run(
        [str(python), "-c", told],
        capture_output=True, text=True, check=True, cwd=tmp_path, env=environment,
    )  # fmt: skip
    assert Path(where.stdout.strip()).is_relative_to(python.parents[1])
    run = "import sys; from otter.cli import cli; sys.argv[0] = 'otter'; cli()"
    ended = subprocess.run(
        [str(python), "-c", run, "run", "-a", "autograder.zip", "lab.ipynb"],
        capture_output=True, text=True, check=False, cwd=tmp_path, env=environment,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    results = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    scores = [test["score"] for test in results["tests"] if "score" in test]
    assert sum(scores) == load_assignment(ORDER.assignment).possible, ended.stdout
