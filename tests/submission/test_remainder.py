"""One line of a cell that fails costs itself and what depends on it, and nothing else."""

from __future__ import annotations

import pytest

from autograder.notebook.workspace import Kind, Workspace

DEFINED = "def f():\n    return math.sqrt(4)"


def left(workspace: Workspace, *cells: str, kind: Kind = "notebook") -> object:
    """What `f` gives after these cells, whatever they raised."""
    for cell in cells:
        workspace.run_cell(cell, kind)
    function = workspace.function("f")
    assert callable(function)
    return function()


@pytest.mark.parametrize("kind", ["notebook", "script"])
@pytest.mark.parametrize(
    "line",
    [
        "import no_such_package as nsp\nnsp.set_theme()",
        "from os import path, no_such_name",
        "import no_such_package, math",
        "assert False, 'wrong version'",
        "1 / 0",
        "undefined_name.show()",
        "raise RuntimeError('no GPU')",
        "model = undefined_name('OLMoE')\nprint(model.config)",
        "if True:\n    import no_such_package\n    import math",
        "try:\n    import no_such_package\nexcept KeyError:\n    pass",
        "with open('/no/such/file') as text:\n    found = text.read()",
        "for step in undefined_name:\n    pass",
        "from transformers.models.mixtral.modeling_mixtral import MixtralBlockSparseTop2MLP",
        "import torch\nt = torch.zeros(2, device='cuda')\nprint(torch.cuda.get_device_name(0))",
        "from google.colab import drive\ndrive.mount('/content/drive')",
        "import os\nfrom kaggle_secrets import UserSecretsClient\n"
        "os.environ['LAB_TOKEN'] = UserSecretsClient().get_secret('HF')",
        "name = input()",
    ],
)
def test_what_follows_a_line_that_fails_is_run(workspace: Workspace, line: str, kind: Kind) -> None:
    assert left(workspace, f"{line}\nimport math\n{DEFINED}", kind=kind) == 2.0


@pytest.mark.parametrize("magic", ["%%time\n", "%%capture\n", "%matplotlib inline\n", "!ls\n"])
def test_the_rest_of_a_cell_with_magics_is_run(workspace: Workspace, magic: str) -> None:
    assert left(workspace, f"{magic}import no_such_package\nimport math\n{DEFINED}") == 2.0


def test_the_first_error_is_told_and_each_line_is_noted(workspace: Workspace) -> None:
    error = workspace.run_cell("import no_such_package\na = 1\n1 / 0\nb = 2")
    assert error is not None
    assert (error.type_name, error.line) == ("ModuleNotFoundError", 1)
    assert [note.partition(" failed")[0] for note in workspace.notes] == ["line 1", "line 3"]


def test_what_depends_on_a_failed_line_is_left_out(workspace: Workspace) -> None:
    workspace.run_cell("a = 1\nseen = []")
    workspace.run_cell("a = 1 / 0\nb = a + 1\nc = b + 1\nseen.append(c)\nd = 4\na = 5\ne = a")
    names = workspace.module.__dict__
    assert [name in names for name in "bc"] == [False, False]
    assert (names["seen"], names["d"], names["e"]) == ([], 4, 5)


def test_no_statement_runs_twice(workspace: Workspace) -> None:
    workspace.run_cell("seen = []")
    workspace.run_cell(
        "seen.append(1)\nif True:\n    seen.append(2)\n    1 / 0\n    seen.append(3)\n"
        "seen.append(4)"
    )
    assert workspace.function("seen") == [1, 2, 3, 4]


@pytest.mark.parametrize("end", ["import sys\nsys.exit()", "raise KeyboardInterrupt"])
def test_what_ends_a_cell_in_jupyter_ends_it_here(workspace: Workspace, end: str) -> None:
    workspace.run_cell(f"{end}\nafter = 1")
    assert workspace.function("after") is None


def test_below_a_raise_nothing_but_definitions_is_run(workspace: Workspace) -> None:
    workspace.run_cell("seen = []\nraise ValueError('not further')\nseen.append(1)\nimport math")
    assert workspace.function("seen") == []
    assert workspace.function("math") is not None


def test_decorators_and_annotations_of_a_missing_package_are_taken_off(
    workspace: Workspace,
) -> None:
    cells = (
        "from no_such_package import Float, checked\nimport math",
        '@checked(strict=True)\ndef f(x: Float[int, "n"] = 4) -> Float:\n    return math.sqrt(x)',
    )
    assert left(workspace, *cells) == 2.0


def test_an_undefined_name_says_why(workspace: Workspace) -> None:
    workspace.run_cell("x = 1 / 0\ntorch = x")
    said = workspace.why_undefined("name 'torch' is not defined")
    assert said == (
        "name 'torch' is not defined: line 1 of its cell failed "
        "(ZeroDivisionError: division by zero)"
    )
    workspace.run_cell("import numpy as np\nimport math as = 3")
    assert "its cell is no Python" in workspace.why_undefined("name 'np' is not defined")


@pytest.mark.parametrize(
    "cell",
    [
        "try:\n    import google.colab\n    result = True\nexcept ImportError:\n    result = False",
        "import sys\nresult = 'google.colab' in sys.modules",
        "from google.colab import drive\nimport sys\nresult = 'google.colab' in sys.modules",
        "import importlib.util\nresult = importlib.util.find_spec('kaggle_secrets') is not None",
    ],
)
def test_who_asks_learns_that_this_is_not_colab(workspace: Workspace, cell: str) -> None:
    assert workspace.run_cell(cell) is None
    assert workspace.function("result") is False


@pytest.mark.parametrize(
    "cell",
    [
        "from google.colab import userdata\nresult = userdata.get('HF_TOKEN')",
        "import google.colab.userdata as u\nresult = u.get('HF_TOKEN')",
        "import google.colab\nresult = google.colab.userdata.get('HF_TOKEN')",
        "from kaggle_secrets import UserSecretsClient as C\nresult = C().get_secret('a')",
    ],
)
def test_a_secret_that_is_taken_for_granted_is_a_string(workspace: Workspace, cell: str) -> None:
    assert workspace.run_cell(cell) is None
    assert isinstance(workspace.function("result"), str)


@pytest.mark.parametrize(
    "cells",
    [
        ["%%writefile d.json\n{}", "result = open('d.json').read().strip() == '{}'"],
        [
            "%%file d.txt\na",
            "%%writefile -a d.txt\nb",
            "result = open('d.txt').read() == 'a\\nb\\n'",
        ],
        [
            "%%writefile lib/m.py\nresult = True",
            "import sys\nsys.path.append('lib')\nfrom m import *",
        ],
        ["%%writefile lib/m.py\nresult = True", "from lib.m import result"],
        ["open('m2.py', 'w').write('result = True')", "from m2 import result"],
        [
            "from pathlib import Path\nPath('m3.py').write_text('result = True')",
            "from m3 import result",
        ],
    ],
)
def test_files_that_cells_write_are_read_and_imported(workspace: Workspace, cells: str) -> None:
    for cell in cells:
        workspace.run_cell(cell)
    assert workspace.function("result") is True
