"""`check`, `build`, `verify` and `doctor`: what people do with material of their own."""

from __future__ import annotations

import json
import zipfile

import pytest

from autograder.cli.main import run as run_command
from autograder.verify.records import Rule

pytestmark = pytest.mark.slow

RIGHT_LOAD = """
import torch

def expert_load(indices, num_experts):
    return torch.bincount(indices.reshape(-1), minlength=num_experts) / indices.numel()
"""


@pytest.fixture
def moelab(toy_course, moelab_here):
    """Run a command on the course, in its folder."""

    def run(command, *arguments):
        return moelab_here(command, "--course", toy_course.name, *arguments, cwd=toy_course.root)

    return run


@pytest.fixture
def check(moelab, toy_course):
    """Check a file with this text."""

    def run(name: str, text: str, *options: str):
        (toy_course.root / name).write_text(text, encoding="utf-8")
        return moelab("check", name, *options)

    return run


def notebook(*cells: str, assignment: str = "toy") -> str:
    made = [{"cell_type": "code", "metadata": {}, "outputs": [], "source": c} for c in cells]
    metadata = {"otter": {"assignment_name": assignment}} if assignment else {}
    return json.dumps({"cells": made, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5})


def test_public_checks_tell_what_passes_and_what_does_not(check):
    wrong = "def busiest_expert(load):\n    return 0\n"
    ended = check("mine.ipynb", notebook(RIGHT_LOAD, wrong))
    assert ended.status == 1
    assert "✓ The shares add up to one." in ended.out
    assert "✗ The expert with the largest load is found." in ended.out
    assert "expert 2 has the largest load, busiest_expert returned 0" in ended.out
    assert "toy: 1 of 3 public checks pass." in ended.out


def test_no_hidden_check_is_run_or_named(check):
    ended = check("mine.ipynb", notebook(RIGHT_LOAD))
    for hidden in ("An expert that no token chose", "random routings", "lowest index"):
        assert hidden not in ended.out + ended.err


def test_a_script_is_known_by_its_functions(check):
    ended = check("mine.py", RIGHT_LOAD)
    assert ended.status == 1
    assert "toy: 1 of 3" in ended.out


def test_a_file_that_could_be_anything_needs_the_option(check):
    ended = check("mine.py", "x = 1\n")
    assert ended.status == 2
    assert "--assignment" in ended.err
    assert check("mine.py", "x = 1\n", "--assignment", "toy").status == 1


def test_what_cells_print_and_raise_does_not_mix_with_the_results(check):
    noisy = "print('a message')\nimport sys\nsys.stdout.write('more')\n"
    ended = check("mine.ipynb", notebook(noisy, "1 / 0", RIGHT_LOAD))
    assert "message" not in ended.out
    assert "cell 2, line 1 raised ZeroDivisionError: division by zero" in ended.err
    assert "✓ The shares add up to one." in ended.out


def test_files_beside_the_notebook_are_found(check, toy_course):
    (toy_course.root / "numbers.txt").write_text("7")
    cell = "number = int(open('numbers.txt').read())"
    assert "raised" not in check("mine.ipynb", notebook(cell, RIGHT_LOAD)).err


def test_helpers_beside_the_notebook_are_imported(check, toy_course):
    mine = toy_course.root / "mine"
    (mine / "parts").mkdir(parents=True)
    (mine / "statistics.py").write_text("raise RuntimeError('not the library')")
    (mine / "my_helpers.py").write_text("import torch\nimport parts.counting as counting\n")
    (mine / "parts" / "counting.py").write_text(
        "def counts(indices, number):\n    return indices.flatten().bincount(minlength=number)\n"
    )
    right = (
        "import statistics\n\nfrom my_helpers import counting\n\n"
        "def expert_load(indices, num_experts):\n"
        "    return counting.counts(indices, num_experts) / indices.numel()\n"
    )
    done = check("mine/lab.ipynb", notebook(right))
    assert "✓ The shares add up to one." in done.out, done.err


def test_a_file_that_is_no_notebook_is_one_sentence(check):
    ended = check("mine.ipynb", "{torn")
    assert ended.status == 2
    assert ended.out == ""
    assert ended.err.strip().splitlines()[-1].startswith("moelab: mine.ipynb: ")


def test_an_unknown_assignment_in_the_metadata_is_one_sentence(check):
    ended = check("mine.ipynb", notebook("x = 1", assignment="other"))
    assert ended.status == 2
    assert "there is no assignment 'other'" in ended.err


def test_building_twice_changes_nothing_and_checking_says_so(moelab, toy_course):
    root = ("--root", toy_course.root)
    stale = moelab("build", "--check", *root)
    assert stale.status == 1
    assert "assignments/toy/toy.ipynb is missing" in stale.out
    assert not (toy_course.root / "assignments").exists()
    assert moelab("build", *root).status == 0
    again = moelab("build", "--check", *root)
    assert (again.status, again.out) == (0, "Everything is up to date.\n")


def test_verifying_proves_a_course(moelab, toy_course):
    root = ("--root", toy_course.root)
    moelab("build", *root)
    proved = moelab("verify", "--jobs", "1", *root)
    assert proved.status == 0, proved.out
    assert f"toy: all {len(Rule)} rules hold" in proved.out


def test_verifying_finds_what_is_wrong(moelab, toy_course):
    toy_course.edit("busiest_expert.py", "return len(load) - 1 -", "return 0 *")
    wrong = moelab("verify", "toy", "--jobs", "1", "--root", toy_course.root)
    assert wrong.status == 1
    assert "takes_the_last_of_equals" in wrong.out


def test_a_broken_reference_stops_build_and_fails_verify(moelab, toy_course):
    toy_course.edit("load_gap/__init__.py", "load.max() - load.min()", "load.max() + load.min()")
    built = moelab("build", "--root", toy_course.root)
    assert built.status == 2
    assert "the reference solution does not pass its own check" in built.err
    assert not (toy_course.root / "dist").exists()
    proved = moelab("verify", "--jobs", "1", "--root", toy_course.root)
    assert proved.status == 1
    assert "the reference does not pass check" in proved.out
    assert "rules hold" not in proved.out


def test_an_assignment_that_tests_nothing_stops_build_and_verify(moelab, toy_course):
    parts = 'parts=(Prose("introduction.md"), expert_load, busiest_expert, load_gap)'
    toy_course.edit("__init__.py", parts, 'parts=(Prose("introduction.md"),)')
    for command in ("build", "verify"):
        ended = moelab(command, "--root", toy_course.root)
        assert (ended.status, ended.out) == (2, "")
        assert "toy" in ended.err
        assert "no exercises" in ended.err
    assert not (toy_course.root / "dist").exists()


def test_an_autograder_package_grades_within_the_limits_that_build_was_given(moelab, toy_course):
    limits = ("--time-limit", "7.5", "--total-time", "90", "--memory-limit", "1GiB")
    assert moelab("build", *limits, "--root", toy_course.root).status == 0
    with zipfile.ZipFile(toy_course.root / "dist" / "toy" / "autograder.zip") as archive:
        (plugin,) = json.loads(archive.read("otter_config.json"))["plugins"]
    (settings,) = plugin.values()
    options = settings["options"]
    told = dict(zip(options[::2], options[1::2], strict=True))
    assert told == {"--time-limit": "7.5", "--total-time": "90", "--memory-limit": "1024MiB"}


def test_a_limit_that_is_none_is_refused_before_anything_is_written(moelab, toy_course):
    ended = moelab("build", "--memory-limit", "1MiB", "--root", toy_course.root)
    assert ended.status == 2
    assert "too little for Python and torch" in ended.err
    assert not (toy_course.root / "assignments").exists()


def test_an_unknown_assignment_names_the_known_ones(moelab):
    for command in ("build", "verify"):
        ended = moelab(command, "other")
        assert ended.status == 2
        assert "there is toy" in ended.err


@pytest.mark.sandbox
def test_the_doctor_tries_isolation_and_says_that_grading_works(capsys):
    assert run_command(["doctor"]) == 0
    printed = capsys.readouterr().out
    for line in ("Python", "torch", "isolation namespaces", "isolation landlock", "model cache"):
        assert line in printed
    assert "Grading works on this machine." in printed
