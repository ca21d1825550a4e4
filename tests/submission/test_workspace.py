"""Cells run as in Jupyter, and nothing that they raise or do ends the run."""

from __future__ import annotations

import builtins
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pytest
from IPython.core.interactiveshell import InteractiveShell

from autograder.notebook.workspace import CellError, Workspace
from moelab_kit.calls import Call

Value = Callable[..., Any]


def test_cells_share_one_namespace(value: Value) -> None:
    assert value("a = 1", "def f():\n    return a + 1", "result = f()") == 2


def test_functions_are_found_by_name_and_missing_ones_are_none(workspace: Workspace) -> None:
    workspace.run_cell("def f():\n    return 3")
    found = workspace.function("f")
    assert callable(found)
    assert found() == 3
    assert workspace.function("g") is None


@pytest.mark.filterwarnings("ignore:To exit")
@pytest.mark.parametrize(
    ("cell", "error"),
    [
        ("x = 1\n1 / 0", CellError("ZeroDivisionError", "division by zero", 2)),
        ("\n\nraise ValueError('no')", CellError("ValueError", "no", 3)),
        ("def f():\n    raise KeyError('k')\n\nf()", CellError("KeyError", "'k'", 4)),
        ("a = 1\nb = = 2", CellError("SyntaxError", "invalid syntax", 2)),
        ("if a:\nb", CellError("IndentationError", "expected an indented block", 2)),
        ("return 1", CellError("SyntaxError", "'return' outside function", 1)),
        ("import sys\nsys.exit(3)", CellError("SystemExit", "3", 2)),
        ("raise SystemExit", CellError("SystemExit", "", 1)),
        ("raise KeyboardInterrupt", CellError("KeyboardInterrupt", "", 1)),
        ("raise GeneratorExit", CellError("GeneratorExit", "", 1)),
        ("class Odd(BaseException): pass\nraise Odd(1)", CellError("Odd", "1", 2)),
        ("import nothing_of_this_name", CellError("ModuleNotFoundError", "No module named", 1)),
        ("raise StopIteration", CellError("StopIteration", "", 1)),
        ("def f(): f()\nf()", CellError("RecursionError", "maximum recursion depth", 2)),
        ("a = '\0'", CellError("SyntaxError", "source code", 0)),
        ("raise ExceptionGroup('g', [ValueError()])", CellError("ExceptionGroup", "g", 1)),
    ],
)
def test_what_a_cell_raises_is_reported_and_the_next_cell_runs(
    workspace: Workspace, cell: str, error: CellError
) -> None:
    found = workspace.run_cell(cell)
    assert found is not None
    assert (found.type_name, found.line) == (error.type_name, error.line or found.line)
    assert found.message.startswith(error.message)
    assert workspace.run_cell("after = 1") is None
    assert workspace.function("after") == 1


@pytest.mark.parametrize("body", ["raise SystemExit", "raise ValueError", "return 3", "1 / 0"])
def test_an_exception_that_cannot_be_shown_is_reported_all_the_same(
    workspace: Workspace, body: str
) -> None:
    cell = f"class Odd(BaseException):\n    def __str__(self): {body}\nraise Odd"
    assert workspace.run_cell(cell) == CellError("Odd", "(its message could not be read)", 3)


def test_long_messages_are_cut(workspace: Workspace) -> None:
    found = workspace.run_cell("raise ValueError('x' * 100_000)")
    assert found is not None
    assert len(found.message) == 2_000


@pytest.mark.parametrize("cell", ["exit()", "quit()", "exit", "for i in [1]:\n    exit()"])
def test_exit_does_not_end_the_run_nor_the_cell(workspace: Workspace, cell: str) -> None:
    assert workspace.run_cell(f"{cell}") is None
    assert workspace.run_cell(f"{cell}\nafter = 1" if "\n" not in cell else "after = 1") is None
    assert workspace.function("after") == 1


def test_top_level_await_works(value: Value) -> None:
    assert (
        value(
            "import asyncio\nasync def f():\n    await asyncio.sleep(0)\n    return 4",
            "result = await f()",
            "result = sum(await asyncio.gather(f(), f()))",
        )
        == 8
    )


def test_a_notebook_may_start_an_event_loop_of_its_own(value: Value) -> None:
    assert value("import asyncio\nasync def f(): return 5\nresult = asyncio.run(f())") == 5


def test_a_future_import_lasts_for_the_cells_after_it(value: Value) -> None:
    cells = ("from __future__ import annotations", "def f(x: NotDefinedAnywhere): pass")
    assert value(*cells, "result = f.__annotations__") == {"x": "NotDefinedAnywhere"}


def test_source_of_what_cells_define_can_be_read(value: Value) -> None:
    assert (
        value(
            "def f():\n    return 1",
            "%%time\ndef g():\n    return 2",
            "import inspect\nresult = inspect.getsource(f) + inspect.getsource(g)",
        )
        == "def f():\n    return 1\ndef g():\n    return 2\n"
    )


def test_dataclasses_pickling_and_annotations_find_their_module(value: Value) -> None:
    assert value(
        "from __future__ import annotations\nimport copy, pickle, typing, __main__\n"
        "from dataclasses import dataclass, field",
        "@dataclass\nclass Load:\n    k: int\n    counts: list[int] = field(default_factory=list)",
        "same = pickle.loads(pickle.dumps(Load(1, [2]))) == copy.deepcopy(Load(1, [2]))",
        "hints = typing.get_type_hints(Load)",
        "result = same, hints['k'], Load.__module__, __main__.Load is Load",
    ) == (True, int, "__main__", True)


def test_the_last_expression_is_kept_as_in_ipython(value: Value) -> None:
    assert value("41", "result = _ + 1") == 42


def test_nothing_is_shown_or_formatted(value: Value, capfd: pytest.CaptureFixture[str]) -> None:
    cell = (
        "class Loud:\n    def __repr__(self): raise RuntimeError('shown')\n"
        "    _repr_html_ = _ipython_display_ = __repr__\n"
        "display(Loud())\nresult = 1\nLoud()"
    )
    assert value(cell) == 1
    assert capfd.readouterr().out == ""


def test_display_handles_can_be_updated(value: Value) -> None:
    assert (
        value(
            "from IPython.display import HTML, clear_output, display as show",
            "handle = show(HTML('<b>'), display_id=True)\nhandle.update(HTML('x'))\nclear_output()",
            "result = 1",
        )
        == 1
    )


@pytest.mark.parametrize(
    "question",
    [
        "input('name? ')",
        "import getpass\ngetpass.getpass()",
        "from getpass import getpass as g; g()",
    ],
)
def test_a_question_raises_at_once(workspace: Workspace, question: str) -> None:
    found = workspace.run_cell(question)
    assert found is not None
    assert found.type_name == "EOFError"


def test_standard_input_is_empty_and_a_breakpoint_passes(value: Value) -> None:
    assert value("import sys\nbreakpoint()\nresult = sys.stdin.read()") == ""


def test_figures_are_drawn_without_a_window_whatever_backend_is_asked_for(value: Value) -> None:
    assert (
        value(
            "import matplotlib\nmatplotlib.use('TkAgg')\nimport matplotlib.pyplot as plt",
            "plt.switch_backend('QtAgg')\nplt.ion()\nfig, ax = plt.subplots()\nax.plot([1, 2])",
            "import warnings\nwarnings.simplefilter('error')\nplt.show()\nfig.show()\nplt.pause(5)",
            "result = type(fig.canvas).__name__",
        )
        == "FigureCanvasAgg"
    )


@pytest.mark.parametrize("module", ["tqdm.notebook", "tqdm.auto", "tqdm"])
def test_progress_bars_need_no_widgets_and_no_thread(value: Value, module: str) -> None:
    threads = threading.active_count()
    cell = f"from {module} import tqdm, trange\nresult = [i for i in tqdm(range(3))]"
    assert value(cell, "for i in trange(2): pass") == [0, 1, 2]
    assert threading.active_count() == threads


def test_the_lab_is_importable_as_in_the_student_edition(value: Value) -> None:
    assert value(
        "import moe_lab.bench, moelab_kit.compare\nfrom moe_lab import load_model, difference",
        "from moelab_kit.compare import difference as same",
        "result = load_model('x'), difference is same",
    ) == ("the model x", True)


def test_the_lab_is_the_graders_own(value: Value) -> None:
    assert value("import moelab_kit.calls", "result = moelab_kit.calls.Call") is Call
    assert value("from moe_lab import *", "result = load_model()") == "the model tiny"


def test_given_names_are_there_without_an_import_and_may_be_replaced(value: Value) -> None:
    assert value("result = load_model()") == "the model tiny"
    assert value("def load_model(): return 3", "result = load_model()") == 3


def test_otter_does_nothing_whatever_is_asked_of_it(value: Value) -> None:
    assert (
        value(
            "import otter\ngrader = otter.Notebook('lab.ipynb', tests_dir='tests')",
            "grader.check('q1')\ngrader.check('q1', global_env={})\ngrader.check_all()",
            "grader.export(run_tests=True, files=['x'])\ngrader.to_pdf()",
            "grader.add_plugin_files('p')",
            "from otter import Notebook\nNotebook().check('q1')",
            "from otter.check.notebook import Notebook as Same\nSame().check('q1')",
            "import otter.plugins as p\np.anything.at.all(1, two=3)\notter.__version__",
            "print(grader.check('q1'))\ngrader.check('q1')",
            "result = 1",
        )
        == 1
    )


@pytest.mark.parametrize("name", ["numpy", "torch", "transformers", "matplotlib", "tqdm"])
def test_the_libraries_of_the_course_are_there(value: Value, name: str) -> None:
    assert value(f"import {name} as result").__name__ == name


def test_code_of_libraries_that_asks_for_ipython_finds_it(value: Value) -> None:
    assert value(
        "import IPython\nshell = get_ipython()",
        "from IPython.core.magic import register_line_magic, register_cell_magic",
        "@register_line_magic\ndef double(line): return int(line) * 2",
        "@register_cell_magic\ndef shout(line, cell): return line + cell.strip()",
        "a = %double 4",
        "%%shout x\nyes",
        "result = a, _, shell is IPython.get_ipython(), 'result' in shell.user_ns",
    ) == (8, "xyes", True, False)


def test_figure_formats_can_be_chosen(value: Value) -> None:
    assert (
        value(
            "%config InlineBackend.figure_format = 'retina'",
            "from matplotlib_inline import backend_inline",
            "backend_inline.set_matplotlib_formats('svg')",
            "result = 1",
        )
        == 1
    )


# Scripts


def test_a_script_runs_as_an_imported_module(workspace: Workspace) -> None:
    script = (
        "import sys\n"
        "def f():\n    return __name__, sys.modules[__name__].f is f, __file__, sys.argv\n"
        "if __name__ == '__main__':\n    1 / 0\n"
    )
    assert workspace.run_cell(script, "script") is None
    found = workspace.function("f")
    assert callable(found)
    assert found() == ("submission", True, "submission.py", ["submission.py"])


def test_an_error_in_a_script_is_reported_and_what_came_before_stays(workspace: Workspace) -> None:
    found = workspace.run_cell("def f(): return 1\n\nimport sys\nsys.exit('end')\n", "script")
    assert found == CellError("SystemExit", "end", 4)
    assert callable(workspace.function("f"))


def test_cells_of_a_script_share_futures_source_and_line_numbers(workspace: Workspace) -> None:
    first = "from __future__ import annotations\nimport inspect\n"
    second = "# %%\nclass A:\n    def f(self, x: Nowhere): return 1\n1 / 0\n"
    assert workspace.run_cell(first, "script") is None
    error = CellError("ZeroDivisionError", "division by zero", 4)
    assert workspace.run_cell(second, "script") == error
    third = "text = inspect.getsource(A), inspect.getsource(A.f)"
    assert workspace.run_cell(third, "script") is None
    assert workspace.function("text") == (
        "class A:\n    def f(self, x: Nowhere): return 1\n",
        "    def f(self, x: Nowhere): return 1\n",
    )


def test_a_script_with_magics_runs_as_its_editor_runs_it(workspace: Workspace) -> None:
    script = "%matplotlib inline\n!pip install x\nget_ipython().run_line_magic('pwd', '')\na = 1\n"
    assert workspace.run_cell(script, "script") is None
    assert workspace.function("a") == 1


def test_a_script_with_a_syntax_error_is_reported_by_line(workspace: Workspace) -> None:
    found = workspace.run_cell("a = 1\nb = = 2\n", "script")
    assert found == CellError("SyntaxError", "invalid syntax", 2)


# The process around it


def state() -> tuple[Any, ...]:
    """What a workspace replaces in the process."""
    names = ("__main__", "submission", "moe_lab", "moelab_kit.compare", "otter", "written")
    return (
        [sys.modules.get(name) for name in names],
        list(sys.meta_path),
        (sys.stdin, sys.argv, sys.excepthook, sys.displayhook, sys.breakpointhook, sys.stdout),
        (builtins.input, os.system, subprocess.Popen, plt.show, plt.switch_backend, os.getcwd()),
        [builtins.__dict__.get(name) for name in ("display", "get_ipython", "__IPYTHON__")],
        InteractiveShell._instance,
        threading.active_count(),
        hasattr(sys, "ps1"),
        plt.rcParams["font.size"],
    )


def test_closing_puts_the_process_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    before = state()
    with Workspace({"load_model": print}) as workspace:
        workspace.run_cell("import otter, moe_lab, sys, os, matplotlib.pyplot as plt")
        workspace.run_cell("%%writefile written.py\na = 1")
        workspace.run_cell("import written\nawait __import__('asyncio').sleep(0)")
        workspace.run_cell("os.mkdir('x')\n%cd x\nplt.rcParams['font.size'] = 50\nplt.figure()")
        workspace.run_cell("1 / 0", "script")
        assert state() != before
    assert state() == before


def test_nothing_is_written_to_disk(workspace: Workspace, tmp_path: Path) -> None:
    workspace.run_cell("b = 1\n%store b\n%history -f x.txt\n%save y 1\n%logstart")
    assert list(tmp_path.iterdir()) == []


def test_workspaces_do_not_see_each_other() -> None:
    with Workspace() as first:
        first.run_cell("a = 1\ndef f(): return a")
        kept = first.function("f")
    with Workspace() as second:
        assert second.function("a") is None
        second.run_cell("a = 2")
        assert callable(kept)
        assert kept() == 1


def test_a_workspace_inside_a_running_ipython_gives_it_back() -> None:
    shell = InteractiveShell.instance()
    try:
        with Workspace() as workspace:
            workspace.run_cell("a = get_ipython()")
            assert workspace.function("a") is not shell
        assert InteractiveShell.instance() is shell
    finally:
        InteractiveShell.clear_instance()


def test_handing_in_does_nothing_while_a_submission_runs(workspace, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cell = "import otter\nfrom moe_lab import hand_in\n"
    cell += "hand_in(otter.Notebook('lab.ipynb'), 'lab.ipynb')"
    assert workspace.run_cell(cell) is None
    assert not list(tmp_path.iterdir())


def test_a_helper_whose_name_a_later_cell_uses_for_a_value_helps_again(
    workspace: Workspace,
) -> None:
    workspace.run_cell("def share(x):\n    return x / 2\n\ndef answer(x):\n    return share(x)")
    workspace.run_cell("import torch\nlayer = share = torch.nn.Linear(2, 2)\nprint(share)")
    workspace.run_cell("def other(x):\n    return x\n\nanswered = answer\nother = other(1)")
    workspace.give_helpers_back(["answer", "other"])
    assert workspace.function("answer")(4) == 2
    assert workspace.function("other") == 1, "an exercise's own name is the answer"
    assert workspace.function("layer") is not workspace.function("share")
