"""`moelab grade`, end to end on the toy course: nothing lost, nothing doubled, one clear status."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import time
from pathlib import Path

import pytest

from autograder.gradebook import Gradebook, GradebookError

pytestmark = [pytest.mark.slow, pytest.mark.sandbox]

RIGHT = """
import torch

def expert_load(indices, num_experts):
    counts = torch.bincount(indices.reshape(-1), minlength=num_experts)
    return counts / counts.sum()

def busiest_expert(load):
    if not len(load):
        raise ValueError("no expert")
    return int((load == load.max()).nonzero().min())

def load_gap(indices, num_experts):
    load = expert_load(indices, num_experts)
    return float(load.max() - load.min())
"""
ENDLESS = "while True:\n    pass\n"
TOY = ("--assignment", "toy")


def write_notebook(path: Path, code: str, assignment: str = "toy") -> None:
    cell = {"cell_type": "code", "metadata": {}, "outputs": [], "source": code}
    metadata = {"otter": {"assignment_name": assignment}}
    content = {"cells": [cell], "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    path.write_text(json.dumps(content), encoding="utf-8")


@pytest.fixture
def grade(moelab, moelab_here, room):
    """Grade the room's submissions into the room's gradebook; `start` does not wait for the end."""

    def run(*options, start=False):
        arguments = ("grade", "submissions", "--course", room.course, "--jobs", "1", *options)
        return (moelab.start if start else moelab_here)(*arguments, cwd=room.folder)

    return run


def attempts(folder: Path) -> list[str]:
    with sqlite3.connect(folder / "gradebook.db") as database:
        return [name for (name,) in database.execute("select submission from attempts")]


def wait_for_first_grade(process: subprocess.Popen[str], folder: Path) -> None:
    """Wait until a grade is in the gradebook, as another process sees it."""
    while process.poll() is None:
        try:
            with Gradebook.open(str(folder / "gradebook.db"), create=False) as book:
                book.latest("toy")
                return
        except GradebookError:
            time.sleep(0.05)
    raise AssertionError(f"grading ended without a grade: {process.communicate()}")


def test_a_class_is_graded_reported_and_kept(grade, room):
    write_notebook(room.submissions / "ada.ipynb", RIGHT)
    (room.submissions / "bob.py").write_text(RIGHT.replace("max()", "min()"))
    (room.submissions / "eve.ipynb").write_text("{not a notebook")
    files = [f"--{kind}={room.folder / f'grades.{kind}'}" for kind in ("json", "csv", "gradescope")]
    page = f"--html={room.folder / 'report'}"
    first = grade(*files, page)
    assert first.status == 1, first.err  # a person should see the file that cannot be read
    assert first.out.startswith("toy, isolation ")
    content = json.loads((room.folder / "grades.json").read_text(encoding="utf-8"))
    grades = {one["submission"]: one for one in content["grades"]}
    assert list(grades) == ["ada.ipynb", "bob.py", "eve.ipynb"]
    assert grades["ada.ipynb"]["score"] == grades["ada.ipynb"]["possible"] == 11.0
    assert 0 < grades["bob.py"]["score"] < 11.0
    assert grades["eve.ipynb"]["status"] == "unreadable"
    assert [len(one["exercises"]) for one in grades.values()] == [3, 3, 3]
    assert (room.folder / "report" / "index.html").is_file()
    checks = [c for e in grades["bob.py"]["exercises"] for c in e["checks"]]
    assert {bool(c.get("promises")) == (c["outcome"] == "passed") for c in checks} == {False}
    sentences = {sentence for c in checks for sentence in c.get("promises", ())}
    assert "the one with the largest load" in sentences, "without its key and its number"

    second = grade(page)
    assert second.status == 1, second.err
    assert "3 of 3 are in the gradebook already; --regrade grades them again" in second.err
    assert second.out == first.out
    assert len(attempts(room.folder)) == 3

    third = grade("--regrade", page)
    assert "already" not in third.err
    assert third.out == first.out
    assert len(attempts(room.folder)) == 6


def test_the_same_seed_gives_the_same_grades(grade, room):
    (room.submissions / "bob.py").write_text(RIGHT.replace("max()", "min()"))
    grade(*TOY, "--seed", "twice", "--json", room.folder / "1.json")
    grade(*TOY, "--seed", "twice", "--json", room.folder / "2.json", "--regrade")
    one, other = (json.loads((room.folder / f"{n}.json").read_text()) for n in (1, 2))
    for content in (one, other):
        for exercise in content["grades"][0]["exercises"]:
            for check in exercise["checks"]:
                del check["seconds"]
    assert one["seed"] == "twice"
    assert one == other


def test_a_lone_script_is_of_the_courses_only_assignment(grade, room):
    (room.submissions / "bob.py").write_text(RIGHT)
    ended = grade()
    assert ended.status == 0, ended.err
    assert ended.out.startswith("toy, isolation ")


def test_submissions_of_an_assignment_that_the_course_has_not_need_the_option(grade, room):
    write_notebook(room.submissions / "bob.ipynb", RIGHT, assignment="another")
    ended = grade()
    assert ended.status == 2
    assert "give --assignment NAME" in ended.err
    assert len(ended.err.splitlines()) <= 3


def test_a_stopped_run_keeps_its_grades_and_goes_on(grade, room):
    """What is killed instead is in `test_interruptions.py`."""
    write_notebook(room.submissions / "ada.ipynb", RIGHT)
    write_notebook(room.submissions / "bob.ipynb", ENDLESS)
    process = grade("--time-limit", "200", start=True)
    wait_for_first_grade(process, room.folder)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate()
    assert process.returncode == 130, err
    assert "1 grade of this run kept" in err
    assert "Traceback" not in err

    ended = grade("--time-limit", "1")
    assert ended.status == 1, ended.err  # of bob's functions none is defined
    assert "1 of 2 are in the gradebook already" in ended.err
    assert sorted(attempts(room.folder)) == ["ada.ipynb", "bob.ipynb"]


def test_a_check_that_breaks_needs_a_person_and_costs_nothing(grade, room):
    checks = room.toy / "load_gap" / "checks.py"
    text = checks.read_text(encoding="utf-8")
    checks.write_text(text.replace("torch.arange(4)", "torch.no_such_thing(4)"), encoding="utf-8")
    (room.submissions / "ada.py").write_text(RIGHT)
    ended = grade(*TOY, "--json", room.folder / "grades.json")
    assert ended.status == 1, ended.err
    assert "1 submission needs a person" in " ".join(ended.out.split())
    (ada,) = json.loads((room.folder / "grades.json").read_text())["grades"]
    assert ada["status"] == "needs_review"
    assert ada["score"] == ada["possible"] == 11.0


def test_of_two_files_that_could_each_be_meant_one_counts_and_the_notes_say_so(grade, room):
    for attachment, code in (("88001", RIGHT), ("88002", RIGHT.replace("):\n", "):\n    x = 1\n"))):
        (room.submissions / f"lovelaceada_4711_{attachment}_lab.py").write_text(code)
    ended = grade(*TOY, "--json", room.folder / "grades.json")
    assert ended.status == 1, ended.err
    content = json.loads((room.folder / "grades.json").read_text())
    replaced, counted = sorted(content["grades"], key=lambda one: one["counts"])
    assert (replaced["counts"], counted["counts"]) == (False, True)
    assert replaced["replaced_by"] == counted["submission"]
    assert counted["status"] == "needs_review"
    assert counted["score"] == counted["possible"] == 11.0
    assert any(replaced["submission"].rpartition("_")[2] in note for note in counted["notes"])


def test_the_current_folder_is_graded_into_a_gradebook_above_it_once(moelab_here, room):
    write_notebook(room.submissions / "ada.ipynb", RIGHT)
    order = ("grade", ".", "--course", room.folder / room.course, "--jobs", "1")
    for said in ("The gradebook is ../gradebook.db", "1 of 1 are in the gradebook already"):
        ended = moelab_here(*order, cwd=room.submissions)
        assert ended.status == 0, ended.err
        assert said in " ".join((ended.out + ended.err).split())
    assert attempts(room.folder) == ["ada.ipynb"]
    assert sorted(path.name for path in room.submissions.iterdir()) == ["ada.ipynb"]


def test_isolation_none_must_be_asked_for_and_is_printed(grade, room):
    (room.submissions / "ada.py").write_text(RIGHT)
    ended = grade(*TOY, "--isolation", "none")
    assert ended.status == 0, ended.err
    assert "ISOLATION NONE" in ended.out
