"""Magics and shell commands never break a submission and never start a program."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from autograder.notebook.workspace import Workspace

Value = Callable[..., Any]


@pytest.mark.parametrize(
    "line",
    [
        "%matplotlib inline",
        "%matplotlib widget",
        "%matplotlib notebook",
        "%matplotlib",
        "%config InlineBackend.figure_format = 'retina'",
        "%pip install -q torch",
        "%conda install torch",
        "%uv pip install torch",
        "%load_ext autoreload",
        "%autoreload 2",
        "%load_ext tensorboard",
        "%reload_ext nothing",
        "%tensorboard --logdir runs",
        "%unknown magic with arguments",
        "%cd /nowhere/at/all",
        "%run not_there.py",
        "%run",
        "%load not_there.py",
        "%env LAB_TEST=1",
        "%who",
        "%whos",
        "%lsmagic",
        "%pwd",
        "%pdb on",
        "%debug",
        "%edit x.py",
        "%store a",
        "%history",
        "%notebook x.ipynb",
        "%bookmark here",
        "%xmode Verbose",
        "%precision 3",
        "%reset",
        "%sx ls",
        "%system ls",
        "%alias_magic t timeit",
        "?print",
        "print?",
        "print??",
        "!pip install torch",
        "!ls | grep x && echo {1 + 1} $HOME",
        "!",
        "!!ls",
        "files = !ls",
        "files = %sx ls",
        "get_ipython().system('ls')",
        "get_ipython().getoutput('ls', split=False)",
        "get_ipython().magic('matplotlib inline')",
        "get_ipython().run_line_magic('matplotlib', 'inline')",
        "import os; os.system('touch made')",
    ],
)
def test_the_rest_of_the_cell_still_runs(workspace: Workspace, tmp_path: Path, line: str) -> None:
    assert workspace.run_cell(f"before = 1\n{line}\nafter = 2") is None
    assert workspace.function("after") == 2
    assert workspace.run_cell(line) is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("cell", ["matplotlib inline", "%%", "%%time", "%%writefile", "ls", "!"])
def test_odd_cells_do_not_break_the_next_one(workspace: Workspace, cell: str) -> None:
    workspace.run_cell(cell)
    assert workspace.run_cell("after = 1") is None
    assert workspace.function("after") == 1


def test_what_is_left_out_is_noted_once(workspace: Workspace) -> None:
    workspace.run_cell("!pip install torch\n!pip install torch\n%nonsense")
    assert workspace.notes == (
        "the shell command 'pip install torch' was left out: no programs are started here",
        "%nonsense was left out: Line magic function `%nonsense` not found.",
    )


def test_shell_commands_have_no_output_and_an_exit_code(value: Value) -> None:
    assert value("x = !ls", "!ls", "result = (list(x), _exit_code)") == ([], 1)
    assert value("import os\nresult = os.system('true')") == 1


def test_installs_seem_to_work_and_other_programs_seem_to_fail(value: Value) -> None:
    install = "subprocess.check_call([sys.executable, '-m', 'pip', 'install', 'x'])"
    assert value("import subprocess, sys", f"result = {install}") == 0
    assert value("result = subprocess.run('ls', shell=True, capture_output=True, text=True)")
    assert value("result = (result.returncode, result.stdout, result.stderr)") == (1, "", "")
    assert value("result = subprocess.getstatusoutput('ls')") == (1, "")
    assert value("import os\nresult = os.popen('ls').read()") == ""


def test_a_program_that_must_work_fails_as_usual(workspace: Workspace) -> None:
    found = workspace.run_cell("import subprocess\nsubprocess.run(['nvidia-smi'], check=True)")
    assert found is not None
    assert (found.type_name, found.line) == ("CalledProcessError", 2)


@pytest.mark.parametrize(
    "name", ["time", "capture", "capture out", "prun -q", "a_magic_of_colab x"]
)
def test_cells_under_a_magic_define_what_they_define(value: Value, name: str) -> None:
    assert value(f"%%{name}\ndef f():\n    return 1\na = f()", "result = f() + a") == 2


@pytest.mark.parametrize("name", ["time", "capture", "a_magic_of_colab"])
def test_errors_under_a_magic_are_the_cells(workspace: Workspace, name: str) -> None:
    found = workspace.run_cell(f"%%{name}\n1 / 0")
    assert found is not None
    assert found.type_name == "ZeroDivisionError"


def test_captured_output_can_be_read(value: Value) -> None:
    assert value("%%capture out\nprint('hello')", "result = out.stdout") == "hello\n"


@pytest.mark.parametrize("name", ["bash", "sh", "script perl", "html", "javascript", "R"])
def test_cells_of_other_languages_are_left_out(
    workspace: Workspace, tmp_path: Path, name: str
) -> None:
    assert workspace.run_cell(f"%%{name}\ntouch = 'made'") is None
    assert workspace.function("touch") is None
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_magic_over_another_language_is_left_out(
    workspace: Workspace,
) -> None:
    assert workspace.run_cell("%%mystery\nSELECT * FROM experts") is None
    assert workspace.notes == ("the cell with %%mystery was left out",)


def test_timed_lines_run_and_assign(value: Value) -> None:
    assert value("%time a = 2", "b = %time a + 1", "result = a + b") == 5


def test_timeit_runs_its_statement_once(value: Value) -> None:
    assert value("calls = []", "%timeit -n 1000 -r 7 calls.append(1)", "result = calls") == [1]
    assert value("calls = []", "%timeit calls.append(-1 -r if 0 else 2)\nresult = calls") == [2]
    assert value("%%timeit -n 1000\nx = 1\ncalls.append(3)", "result = calls") == [2, 3]
    assert value("t = %timeit -o -q -r3 -n 5 pass", "result = t.average >= 0")


def test_reset_keeps_what_the_lab_gives(value: Value) -> None:
    cells = ("a = 1", "%reset -f", "result = ('a' in globals(), load_model(), __name__)")
    assert value(*cells) == (False, "the model tiny", "__main__")


def test_a_file_that_a_cell_writes_can_be_imported_and_run(value: Value) -> None:
    assert value(
        "%%writefile helper.py\ndef f():\n    return 1",
        "%%writefile -a helper.py\ndef g():\n    return f() + 1",
        "import helper\nfrom helper import g\nimport inspect",
        "%%writefile './main.py'\nfrom helper import f\nran = f()",
        "%run main.py",
        "result = g(), ran, inspect.getsource(helper.f), helper.__name__",
    ) == (2, 1, "def f():\n    return 1\n", "helper")


def test_pylab_imports_what_it_promises(value: Value) -> None:
    assert value("%pylab inline", "result = float(np.sum(arange(3))), plt.__name__") == (
        3.0,
        "matplotlib.pyplot",
    )


def test_magics_inside_functions_run_when_called(value: Value) -> None:
    cell = "def f():\n    !ls\n    %matplotlib inline\n    x = !ls\n    return len(x)"
    assert value(cell, "result = f()") == 0
