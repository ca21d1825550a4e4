"""Help answers without anything heavy, and every mistake is one or two sentences."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from autograder.cli.main import moelab as group
from autograder.cli.main import run

COMMANDS = (
    "demo",
    "check",
    "grade",
    "report",
    "explain",
    "review",
    "similar",
    "adjust",
    "new",
    "verify",
    "build",
    "doctor",
)
HEAVY = ("torch", "transformers", "numpy", "matplotlib", "sqlalchemy", "jinja2", "IPython", "rich")

IMPORTED = """
import json, sys
from autograder.cli.main import run
status = run(json.loads(sys.argv[1]))
loaded = [name for name in json.loads(sys.argv[2]) if name in sys.modules]
print("\\n" + json.dumps([status, loaded]))
"""


def loaded_by(*arguments: str) -> tuple[int, list[str]]:
    """The exit status of a command, and which heavy packages it has imported."""
    command = [sys.executable, "-c", IMPORTED, json.dumps(arguments), json.dumps(HEAVY)]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    status, loaded = json.loads(printed.splitlines()[-1])
    return status, loaded


@pytest.mark.parametrize("arguments", [["--help"], [], ["--version"]])
def test_help_imports_nothing_heavy(arguments):
    assert loaded_by(*arguments) == (0, [])


def test_the_help_of_each_command_imports_nothing_heavy():
    for command in COMMANDS:
        assert loaded_by(command, "--help") == (0, [])


def test_a_report_imports_neither_torch_nor_transformers(tmp_path):
    status, loaded = loaded_by("report", str(tmp_path / "none.db"))
    assert status == 2
    assert not {"torch", "transformers", "numpy", "matplotlib"} & set(loaded)


@pytest.mark.slow
@pytest.mark.sandbox
def test_a_run_leaves_torch_to_its_workers(room):
    (room.submissions / "ada.py").write_text("x = 1\n")
    where = (room.submissions, "--course", room.folder / room.course, "--assignment", "toy")
    book = ("--gradebook", f"sqlite:///{room.folder}/g.db", "--jobs", "1")
    status, loaded = loaded_by("grade", *map(str, (*where, *book)))
    assert status == 1, "of these functions none is defined"
    assert not {"torch", "transformers", "matplotlib"} & set(loaded)


@pytest.mark.parametrize(
    "options",
    [
        ["--assignment", "nothing"],
        ["--time-limit", "0"],
        ["--model", "large"],
        ["--csv", "/missing/folder/grades.csv"],
        ["--scheduler", "tcp://host:1"],
    ],
)
def test_wrong_options_of_grade_are_found_before_anything_heavy_is_imported(options, tmp_path):
    (tmp_path / "ada.ipynb").write_text("{}")
    status, loaded = loaded_by("grade", str(tmp_path), *options)
    assert status == 2
    assert not {"torch", "transformers", "sqlalchemy"} & set(loaded)


def test_help_lists_every_command_with_one_line_each(capsys):
    assert run(["--help"]) == 0
    lines = capsys.readouterr().out.splitlines()
    for command in COMMANDS:
        (line,) = [line for line in lines if line.startswith(f"  {command} ")]
        assert line.endswith(".")
        assert not line.endswith("...")


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_each_command_gives_examples_that_parse(command, capsys):
    assert run([command, "--help"]) == 0
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    examples = [line.split()[1:] for line in lines if line.startswith("moelab ")]
    assert examples
    for name, *arguments in examples:
        known = group.commands[name]
        taken = [word for word in arguments if word.startswith("--")]
        assert set(taken) <= {option for param in known.params for option in param.opts}


MISTAKES = [
    (["grade"], "Missing argument"),
    (["grade", "missing.ipynb"], "missing.ipynb"),
    (["nothing"], "nothing"),
    (["grade", ".", "--nothing"], "--nothing"),
    (["grade", ".", "--assignment", "nothing"], "There is no assignment 'nothing'"),
    (["grade", ".", "--course", "no_such_course"], "no_such_course"),
    (["grade", ".", "--time-limit", "soon"], "'soon' is not a time"),
    (["grade", ".", "--time-limit", "nan"], "'nan' is not a time"),
    (["grade", ".", "--total-time", "-1"], "'-1' is not a time"),
    (["grade", ".", "--memory-limit", "much"], "'much' is not a size"),
    (["grade", ".", "--memory-limit", "2"], "256MiB at least"),
    (["grade", ".", "--memory-limit", "5iB"], "'5iB' is not a size"),
    (["grade", ".", "--total-memory", "1GiB"], "--total-memory 1 GiB is too little"),
    (["grade", ".", "--jobs", "0"], "jobs"),
    (["grade", ".", "--isolation", "some"], "isolation"),
    (["grade", ".", "--model", "large"], "--model large"),
    (["grade", ".", "--device", "tpu"], "'tpu' is not a device"),
    (["grade", ".", "--device", "cuda:99"], "no cuda:99"),
    (["grade", ".", "--scheduler", "tcp://host:1"], "cannot use a cluster"),
    (["grade", ".", "--json", "missing/grades.json"], "no folder missing"),
    (["grade", ".", "--html", "notes.txt"], "notes.txt"),
    (["grade", ".", "--gradebook", "notes.txt"], "lies in the folder that is graded"),
    (["grade", ".", "--gradebook", "mysql://host/name"], "mysql://host/name"),
    (["grade", "empty"], "there is no .ipynb, .py or .zip file"),
    (["grade", "notes.txt"], "is not a submission"),
    (["report", "missing.db"], "no such gradebook"),
    (["report", "notes.txt"], "not an SQLite database"),
    (["check", "missing.ipynb"], "missing.ipynb"),
    (["check", "empty"], "empty"),
]


@pytest.mark.parametrize(("arguments", "said"), MISTAKES)
def test_every_mistake_is_one_or_two_sentences(arguments, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").write_text("Just some notes. " * 50)
    assert run(arguments) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert said in printed.err
    assert len(printed.err.strip().splitlines()) <= 2
    assert "Traceback" not in printed.err


def test_optimised_python_is_refused(moelab):
    ended = moelab("doctor", before=("-O",))
    assert ended.status == 2
    assert "assert" in ended.err
    assert moelab("doctor", env={"PYTHONOPTIMIZE": "1"}).status == 2


@pytest.fixture
def broken_library(tmp_path: Path) -> dict[str, str]:
    """An environment in which a library breaks in a way that nobody has foreseen."""
    (tmp_path / "sqlalchemy.py").write_text("raise ZeroDivisionError('surprise')")
    return {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(Path.cwd())])}


def test_an_unexpected_error_asks_for_a_report(moelab, broken_library):
    ended = moelab("report", "g.db", env=broken_library)
    assert ended.status == 2
    assert "ZeroDivisionError: surprise" in ended.err
    assert "MOELAB_DEBUG=1" in ended.err
    assert "Traceback" not in ended.err


def test_the_traceback_is_there_for_those_who_ask(moelab, broken_library):
    ended = moelab("report", "g.db", env={**broken_library, "MOELAB_DEBUG": "1"})
    assert ended.status == 2
    assert "Traceback" in ended.err


@pytest.mark.slow
def test_a_course_that_cannot_be_imported_names_the_line(moelab, tmp_path):
    course = tmp_path / "broken_course" / "lab"
    course.mkdir(parents=True)
    (course.parent / "__init__.py").touch()
    (course / "__init__.py").write_text("assignment = None\nundefined\n")
    ended = moelab("build", "--course", "broken_course", cwd=tmp_path)
    assert ended.status == 2
    assert "__init__.py:2 with NameError" in ended.err
    assert "Traceback" not in ended.err
