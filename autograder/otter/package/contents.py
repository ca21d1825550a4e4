"""`dist/<assignment>/autograder.zip`: the package for `otter run` and Gradescope.

Otter's own generator makes it; it is then packed again so that the same sources give the same
bytes, together with the engine, the course and exact versions.
"""

from __future__ import annotations

import json
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

from otter.generate import main as otter_generate

import autograder
from autograder.authoring.assignment import Assignment
from autograder.courses import folder_of, name_of, packages_of
from autograder.edition.archive import archive_of, files_below, lab_files, write_archive
from autograder.edition.pins import pins, requirements, sources
from autograder.edition.workflow import CPU_TORCH
from autograder.otter.engine import FOLDER, Order
from autograder.otter.package.proof import prove_reference
from autograder.otter.package.read_back import package_tests
from autograder.otter.plugin import NAME

PYTHON = "3.11"  # the version in the grading image, for which constraints.txt is written
ROOT = "/autograder/source"  # where Gradescope unpacks the package

_RUN_OTTER = '''\
"""Grades what Gradescope put into /autograder/submission; see docs/how-to/otter.md of moelab."""

import sys
from pathlib import Path

SOURCE = Path(__file__).resolve().parent
sys.path[0] = str(SOURCE / "moelab")  # was this folder

from autograder.otter.gradescope import run  # noqa: E402

if __name__ == "__main__":
    run(SOURCE.parent)
'''
_SETUP = f"""
# added by moelab: submissions run as another user, who must be able to read Python and its
# packages, which lie below /root
chmod o+x /root
cd {ROOT}/{FOLDER} && mamba run -n otter-env python -m autograder.cli doctor || true
"""


def package_file(assignment: str) -> str:
    """Where the package of an assignment is written, relative to the repository."""
    return f"dist/{assignment}/autograder.zip"


def build_package(assignment: Assignment, root: Path, order: Order) -> list[str]:
    """Bring the package of an assignment up to date; one sentence where that changed something.

    Raises `BuildError` where the reference does not earn every point of its own assignment.
    """
    prove_reference(assignment)
    return write_archive(root, package_file(assignment.name), package(assignment, order))


def package(assignment: Assignment, order: Order) -> bytes:
    """The autograder package as bytes; `BuildError` where it would not test the assignment."""
    tests = package_tests(assignment)
    checkout = sources()
    versions = pins(checkout)
    files = _generated(tests, order, _pip_lines(checkout, versions))
    files["run_otter.py"] = _RUN_OTTER.encode()
    files["setup.sh"] += _SETUP.encode()
    lines = (f"{name}=={version}\n" for name, version in sorted(versions.items()))
    files["constraints.txt"] = "".join(lines).encode()
    files |= _engine(order.course)
    return archive_of(files)


def _generated(tests: Mapping[str, str], order: Order, pip_lines: list[str]) -> dict[str, bytes]:
    """What Otter's generator writes, by path."""
    config = {
        "lang": "python",
        "show_hidden": True,  # to students, once the instructor publishes the grades
        "plugins": [
            {
                NAME: {
                    "assignment": order.assignment,
                    "course": name_of(order.course),
                    "options": list(order.options),
                }
            }
        ],
    }
    with tempfile.TemporaryDirectory(prefix="moelab-build-") as scratch:
        folder = Path(scratch)
        (folder / "tests").mkdir()
        for name, text in tests.items():
            (folder / "tests" / name).write_text(text, encoding="utf-8")
        (folder / "otter_config.json").write_text(json.dumps(config), encoding="utf-8")
        (folder / "requirements.txt").write_text("\n".join(pip_lines), encoding="utf-8")
        otter_generate(
            tests_dir=str(folder / "tests"),
            output_path=str(folder / "autograder.zip"),
            config=str(folder / "otter_config.json"),
            requirements=str(folder / "requirements.txt"),
            overwrite_requirements=True,
            no_environment=True,
            python_version=PYTHON,
        )
        with zipfile.ZipFile(folder / "autograder.zip") as archive:
            return {name: archive.read(name) for name in archive.namelist()}


def _pip_lines(checkout: Path | None, versions: Mapping[str, str]) -> list[str]:
    """The lines for pip in Otter's environment: everything exact, torch without CUDA."""
    lines = [f"--extra-index-url {CPU_TORCH}", f"--constraint {ROOT}/constraints.txt"]
    for one in sorted(requirements(checkout), key=lambda one: (one.name.lower(), str(one))):
        extras = f"[{','.join(sorted(one.extras))}]" if one.extras else ""
        local = "+cpu" if one.name == "torch" else ""
        lines.append(f"{one.name}{extras}=={versions[one.name.lower()]}{local}")
    return lines


def _engine(course: str) -> dict[str, bytes]:
    """The packages that grade, as they are imported: the engine, the lab and the course."""
    files = files_below(Path(autograder.__file__).parent, f"{FOLDER}/autograder")
    files |= {f"{FOLDER}/{name}": data for name, data in lab_files(packages_of(course)).items()}
    folder, names = folder_of(course), name_of(course).split(".")
    files |= files_below(folder, "/".join((FOLDER, *names)))
    for depth in range(1, len(names)):
        package = folder.parents[len(names) - depth - 1] / "__init__.py"
        if package.is_file():
            files["/".join((FOLDER, *names[:depth], "__init__.py"))] = package.read_bytes()
    return files
