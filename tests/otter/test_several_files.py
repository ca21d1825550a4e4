"""Of several files handed in together, Otter and Gradescope grade the one that moelab grades."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest
from otter_places import Gradescope, grades_of, known, read_details, told, with_otter, zipped

from autograder.records import WHICH_FILE

from .conftest import COURSES, HALVE, ORDER, RIGHT, notebook

pytestmark = [pytest.mark.slow, pytest.mark.sandbox]

USES_HELPER = "from my_helpers import twice\ndef double(x):\n    return twice(x)\n" + HALVE
STUBS = (
    "def double(x):\n    raise NotImplementedError\ndef halve(x):\n    raise NotImplementedError\n"
)
WRONG = "def double(x):\n    return x\ndef halve(x):\n    return x\n"
FILES = {
    "helped": {
        "lab.ipynb": notebook(USES_HELPER),
        "my_helpers.py": "def twice(x):\n    return 2 * x\n",
        "old/lab.ipynb": notebook(WRONG),
        "drafts/whole_lab.py": WRONG,
    },
    "doubtful": {
        "a_part.ipynb": notebook("def double(x):\n    return x\n"),
        "mine.ipynb": notebook(RIGHT),
        "template.ipynb": notebook(STUBS),
        "zz_scratch.ipynb": notebook("1 + 1"),
    },
}
READ_BY_OTTER = ("helped",)  # of two notebooks or scripts at the top, Otter itself takes neither


@dataclass(frozen=True)
class Everywhere:
    moelab: dict[str, dict[str, Any]]
    otter: dict[str, dict[str, Any]]
    gradescope: dict[str, Gradescope]


@pytest.fixture(scope="module")
def everywhere(probe_package, tmp_path_factory) -> Everywhere:
    """Each submission as a folder among others, as a zip for Otter, and on Gradescope."""
    out = tmp_path_factory.mktemp("several")
    data = {
        name: {path: text.encode() for path, text in files.items()} for name, files in FILES.items()
    }
    for number, files in enumerate(data.values(), 90_001):
        for path, content in files.items():
            place = out / "export" / f"submission_{number}" / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
    for name in READ_BY_OTTER:
        (out / f"{name}.zip").write_bytes(zipped(data[name]))

    def on_gradescope(name: str) -> Gradescope:
        place = Gradescope(out / name / "autograder", probe_package)
        ended = place.grade(data[name])
        assert ended.status == 0, ended.err
        return place

    with ThreadPoolExecutor(2) as pool:
        scope = pool.map(on_gradescope, FILES)
        otter = pool.map(lambda name: with_otter(out / f"{name}.zip", probe_package), READ_BY_OTTER)
        places = list(scope)
        read_details(places)
        grades = grades_of(out / "export", out, ORDER, cwd=COURSES)
        counting = {
            place.partition("/")[0]: grade for place, grade in grades.items() if grade["counts"]
        }
        return Everywhere(
            moelab=dict(zip(FILES, (counting[place] for place in sorted(counting)), strict=True)),
            otter={name: ended.results for name, ended in zip(READ_BY_OTTER, otter, strict=True)},
            gradescope=dict(zip(FILES, places, strict=True)),
        )


@pytest.mark.parametrize("name", FILES)
def test_the_same_file_earns_the_same_points(everywhere, name):
    grade, results = everywhere.moelab[name], everywhere.gradescope[name].details
    assert grade["score"] == 10
    assert told(results) == known(grade)
    said = results["details"]["extra_data"]
    assert said["submission"] == grade["submission"].partition("/")[2]
    assert said["status"] == grade["status"]
    if name in READ_BY_OTTER:
        assert told(everywhere.otter[name]) == known(grade)
        assert everywhere.otter[name]["details"]["extra_data"]["digest"] == grade["digest"]


def test_which_of_two_was_meant_is_a_question_for_the_instructor_everywhere(everywhere):
    statuses = {name: grade["status"] for name, grade in everywhere.moelab.items()}
    assert statuses["doubtful"] == "needs_review"
    said = everywhere.gradescope["doubtful"].results["output"]
    assert WHICH_FILE in said
    assert "mine.ipynb was graded" in said


def test_all_files_are_back_in_their_folder_afterwards(everywhere):
    for name, files in FILES.items():
        folder = everywhere.gradescope[name].root / "submission"
        left = {
            path.relative_to(folder).as_posix(): path.read_text()
            for path in folder.rglob("*")
            if path.is_file()
        }
        assert left == files
