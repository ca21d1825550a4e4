"""What goes wrong around a submission ends in one clear message, and never in points."""

from __future__ import annotations

import json
import pickle
import sys
from pathlib import Path

import pytest
from otter_places import run, zipped

from .conftest import RIGHT, notebook

pytestmark = [pytest.mark.slow, pytest.mark.sandbox]


class Planted:
    """Its pickle creates a file where it is loaded: a harmless stand-in for any code."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self):
        return open, (str(self.marker), "w")


def planted_files(marker: Path) -> dict[str, bytes]:
    """A right notebook among files that Otter would import or unpickle."""
    trap = f"open({str(marker)!r}, 'w')\n".encode()
    names = ("ipykernel_launcher", "numpy", "otter/__init__", "sitecustomize", "__init__", "json")
    modules = {f"{name}.py": trap for name in names}
    return {
        "lab.ipynb": notebook(RIGHT).encode(),
        ".OTTER_LOG": pickle.dumps(Planted(marker)),
        "tests/01_double.py": trap,
        **modules,
    }


def test_otter_imports_and_unpickles_nothing_that_was_handed_in(probe_package, tmp_path):
    marker = tmp_path / "marker"
    (tmp_path / "lab.zip").write_bytes(zipped(planted_files(marker)))
    otter = Path(sys.executable).with_name("otter")
    ended = run(otter, "run", "-a", probe_package, "-o", tmp_path, tmp_path / "lab.zip")
    assert ended.status == 0, ended.err
    results = json.loads((tmp_path / "results.json").read_text())
    scores = {test["name"]: test.get("score") for test in results["tests"]}
    assert (scores["double"], scores["halve"]) == (6.0, 4.0)
    assert "Total Score: 10.000 / 10.000" in ended.out
    assert "isolation namespaces, seed otter" in ended.out
    assert not marker.exists()


def test_gradescope_imports_and_unpickles_nothing_that_was_handed_in(gradescope, tmp_path):
    marker = tmp_path / "marker"
    files = planted_files(marker)
    assert gradescope.grade(files).status == 0
    assert gradescope.details["total"] == 10
    assert not marker.exists()
    for name, data in files.items():
        assert (gradescope.root / "submission" / name).read_bytes() == data


def test_a_folder_without_code_is_refused_in_a_sentence(gradescope):
    assert gradescope.grade({"answers.txt": b"double(x) = 2 x"}).status != 0
    (test,) = gradescope.results["tests"]
    assert "there is no notebook (.ipynb), Python file or zip archive to grade" in test["output"]
    assert gradescope.results["score"] == 0


@pytest.mark.parametrize(
    ("container", "said"),
    [
        ("--no-landlock", "submissions cannot be isolated on this machine, so nothing was graded"),
        ("--closed-libraries", "submissions cannot be isolated on this machine"),
    ],
)
def test_where_nothing_isolates_nothing_is_graded_and_the_instructor_hears_why(
    gradescope, tmp_path, container, said
):
    if container == "--closed-libraries" and not closed_libraries():
        pytest.skip("Python lies where all users may read")
    marker = tmp_path / "marker"
    ended = gradescope.grade(
        {"lab.ipynb": notebook(f"open({str(marker)!r}, 'w')\n{RIGHT}").encode()}, container
    )
    assert ended.status != 0
    (test,) = gradescope.results["tests"]
    assert "Nothing was graded, and this says nothing about the submission" in test["output"]
    assert said in test["output"]
    assert "landlock: " in test["output"]
    assert not marker.exists()


def closed_libraries() -> bool:
    from autograder.inside.rootfs import closed_folder
    from autograder.sandbox.paths import library_paths

    return bool(closed_folder(library_paths()))
