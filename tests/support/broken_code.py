"""Code that runs otherwise than meant, or does not run: what still works is still graded."""

from __future__ import annotations

from pathlib import Path

from broken_suite import ANSWERS, BUSIEST, GAP, IMPORTS, LOAD, SCRIPT, notebook


def missing_import(path: Path) -> None:
    """`import torch` was forgotten: what does not need it still counts.

    File: ada.ipynb
    Status: graded
    Graded: expert_load: error, busiest_expert: passed, load_gap: error
    Says: NameError; torch
    """
    path.write_bytes(notebook(*ANSWERS[1:]))


def missing_library(path: Path) -> None:
    """A library that is not there, imported in a cell of its own.

    File: ada.ipynb
    Status: graded
    Graded: all passed
    Says: cell 1; No module named 'seaborn_extra'
    """
    path.write_bytes(notebook("import seaborn_extra as sns", *ANSWERS))


def defined_twice(path: Path) -> None:
    """A function that is defined twice: the last one counts.

    File: ada.ipynb
    Status: graded
    Graded: all passed
    """
    path.write_bytes(
        notebook(IMPORTS, "def expert_load(i, n):\n    return None", LOAD, *ANSWERS[2:])
    )


def stub_comes_last(path: Path) -> None:
    """The stub of the exercise stands below the answer, and replaces it.

    File: ada.ipynb
    Status: graded
    Graded: expert_load: error, busiest_expert: passed, load_gap: error
    Says: expert_load is not written yet
    """
    stub = "def expert_load(indices, num_experts):\n    raise NotImplementedError"
    path.write_bytes(notebook(*ANSWERS, stub))


def name_given_to_a_result(path: Path) -> None:
    """A function's name is given to its result in a later cell.

    File: ada.ipynb
    Status: graded
    Graded: expert_load: missing, busiest_expert: passed, load_gap: error
    Says: expert_load is not a function; a tensor
    """
    later = "expert_load = expert_load(torch.tensor([[0, 1]]), 4)"
    path.write_bytes(notebook(*ANSWERS, later))


def deleted(path: Path) -> None:
    """A function is deleted in a later cell.

    File: ada.ipynb
    Status: graded
    Graded: expert_load: passed, busiest_expert: missing, load_gap: passed
    Says: defines no function busiest_expert
    """
    path.write_bytes(notebook(*ANSWERS, "del busiest_expert"))


def misspelt(path: Path) -> None:
    """A function under a name that is nearly right.

    File: ada.ipynb
    Status: graded
    Graded: expert_load: passed, busiest_expert: missing, load_gap: passed
    Says: no function busiest_expert; busiest_experts
    """
    path.write_bytes(
        notebook(*ANSWERS[:2], BUSIEST.replace("busiest_expert", "busiest_experts"), GAP)
    )


def lambdas(path: Path) -> None:
    """Lambdas, partials and callable objects in the place of functions.

    File: ada.ipynb
    Status: graded
    Graded: all passed
    """
    path.write_bytes(
        notebook(
            "import functools, torch",
            "def counted(weight, indices, num_experts):\n"
            "    counts = torch.bincount(indices.flatten(), minlength=num_experts)\n"
            "    return weight * counts / counts.sum()\n"
            "expert_load = functools.partial(counted, 1)",
            f"class Busiest:\n    def __call__(self, load):\n        {_indented(BUSIEST)}"
            "        return busiest_expert(load)\nbusiest_expert = Busiest()",
            "load_gap = lambda i, n: (expert_load(i, n).max() - expert_load(i, n).min()).item()",
        )
    )


def _indented(text: str) -> str:
    return text.replace("\n", "\n        ").rstrip(" ")


def decorated(path: Path) -> None:
    """Decorators of the standard library, of torch and of the student's own.

    File: ada.ipynb
    Status: graded
    Graded: all passed
    """
    path.write_bytes(
        notebook(
            "import functools, time, torch",
            f"@torch.no_grad()\n{LOAD}",
            f"@functools.lru_cache(maxsize=None)\n{BUSIEST}",
            "def timed(function):\n    def inner(*args, **kwargs):\n"
            "        start = time.perf_counter()\n        try:\n"
            "            return function(*args, **kwargs)\n"
            "        finally:\n            print(time.perf_counter() - start)\n    return inner\n"
            f"@timed\n{GAP}",
        )
    )


def async_function(path: Path) -> None:
    """A function that was declared `async`.

    File: ada.ipynb
    Status: graded
    Graded: expert_load: failed, busiest_expert: passed, load_gap: error
    Says: coroutine; async def
    """
    path.write_bytes(notebook(IMPORTS, f"async {LOAD}", BUSIEST, GAP))


def generator_function(path: Path) -> None:
    """A function that yields its result.

    File: ada.ipynb
    Status: graded
    Graded: expert_load: failed, busiest_expert: passed, load_gap: error
    Says: generator; yield
    """
    path.write_bytes(notebook(IMPORTS, LOAD.replace("return", "yield"), BUSIEST, GAP))


def nested_functions(path: Path) -> None:
    """Functions defined in `if`, `try` and `with` are there; those inside a class are not.

    File: ada.ipynb
    Status: graded
    Graded: expert_load: passed, busiest_expert: passed, load_gap: missing
    Says: load_gap; inside the class Answers
    """
    path.write_bytes(
        notebook(
            IMPORTS,
            f"if True:\n        {_indented(LOAD)}",
            f"try:\n        {_indented(BUSIEST)}\nfinally:\n    pass",
            f"class Answers:\n        {_indented(GAP)}",
        )
    )


def inside_a_function(path: Path) -> None:
    """A function inside `main()`, which is called, and leaves nothing.

    File: ada.py
    Status: graded
    Graded: expert_load: passed, busiest_expert: missing, load_gap: passed
    Says: busiest_expert; inside the function main
    """
    main = f"def main():\n        {_indented(BUSIEST)}\nmain()"
    path.write_text("\n".join((IMPORTS, LOAD, GAP, main)))


def failing_cell(path: Path) -> None:
    """A line that fails after a function of its cell, and one that fails before another.

    File: ada.ipynb
    Status: graded
    Graded: all passed
    Says: cell 3: line 1 failed (ZeroDivisionError: division by zero)
    """
    path.write_bytes(notebook(IMPORTS, f"{LOAD}\n1 / 0", f"1 / 0\n{BUSIEST}", GAP))


def syntax_error(path: Path) -> None:
    """A syntax error in one cell of many.

    File: ada.ipynb
    Status: graded
    Graded: expert_load: passed, busiest_expert: missing, load_gap: passed
    Says: cell 3, line 1 raised SyntaxError; busiest_expert; cell 3
    """
    path.write_bytes(notebook(*ANSWERS[:2], BUSIEST.replace("):", ")", 1), GAP))


def typographic_quotes(path: Path) -> None:
    """Quotation marks and spaces of a word processor in one cell.

    File: ada.ipynb
    Status: graded
    Graded: expert_load: passed, busiest_expert: missing, load_gap: passed
    Says: cell 3; SyntaxError; U+201C
    """
    path.write_bytes(notebook(*ANSWERS[:2], BUSIEST.replace('"', "\u201c", 1), GAP))


def tabs_and_spaces(path: Path) -> None:
    """Tabs and spaces mixed in one function.

    File: ada.ipynb
    Status: graded
    Graded: expert_load: passed, busiest_expert: missing, load_gap: passed
    Says: cell 3; TabError
    """
    mixed = BUSIEST.replace("    return", "\treturn")
    path.write_bytes(notebook(*ANSWERS[:2], mixed, GAP))


def unfinished(path: Path) -> None:
    """A cell that ends in the middle of a statement.

    File: ada.ipynb
    Status: graded
    Graded: expert_load: passed, busiest_expert: missing, load_gap: passed
    Says: cell 3; SyntaxError
    """
    path.write_bytes(notebook(*ANSWERS[:2], "def busiest_expert(load):\n    return int((", GAP))


def deep_expression(path: Path) -> None:
    """An expression so deep that the compiler gives up.

    File: ada.ipynb
    Status: graded
    Graded: all passed
    Says: cell 2
    """
    path.write_bytes(notebook(IMPORTS, "x = " + "(" * 5_000 + "1" + ")" * 5_000, *ANSWERS[1:]))


def top_level_await(path: Path) -> None:
    """A cell that awaits, as notebooks may.

    File: ada.ipynb
    Status: graded
    Graded: all passed
    """
    waiting = "import asyncio\nawait asyncio.sleep(0)\nasync for _ in aiter_of():\n    pass\n"
    helper = "async def aiter_of():\n    yield 1"
    path.write_bytes(notebook(IMPORTS, helper, waiting + LOAD, *ANSWERS[2:]))


def questions(path: Path) -> None:
    """A cell that asks for input, in a cell of its own.

    File: ada.ipynb
    Status: graded
    Graded: all passed
    Says: cell 1, line 1 raised EOFError; nobody is there to type
    """
    path.write_bytes(notebook("name = input('Your name? ')", *ANSWERS))


def exits(path: Path) -> None:
    """`exit()`, `quit()` and `sys.exit()`, each at the end of a cell.

    File: ada.ipynb
    Status: graded
    Graded: all passed
    Says: SystemExit
    """
    path.write_bytes(
        notebook(
            f"{IMPORTS}\nimport sys\nexit()", f"{LOAD}\nquit()", f"{BUSIEST}\nsys.exit(1)", GAP
        )
    )


def exit_in_a_script(path: Path) -> None:
    """A script that ends itself before its last function.

    File: ada.py
    Status: graded
    Graded: expert_load: passed, busiest_expert: passed, load_gap: missing
    Says: raised SystemExit; load_gap
    """
    path.write_text("\n".join((*ANSWERS[:3], "import sys\nsys.exit(0)", GAP)))


def process_ends(path: Path) -> None:
    """A cell that ends the whole process.

    File: ada.ipynb
    Status: graded
    Graded: all passed
    Says: cell 2 was left out; exit code 3
    """
    path.write_bytes(notebook(IMPORTS, "import os\nos._exit(3)", *ANSWERS[1:]))


def endless_cell(path: Path) -> None:
    """A cell that trains forever.

    File: ada.ipynb
    Status: graded
    Graded: all passed
    Says: cell 2 was left out; longer than the time limit
    """
    path.write_bytes(notebook(IMPORTS, "while True:\n    pass", *ANSWERS[1:]))


def main_guard(path: Path) -> None:
    """A script whose main program would fail, behind the usual guard.

    File: ada.py
    Status: graded
    Graded: all passed
    """
    path.write_text(f"{SCRIPT}\nif __name__ == '__main__':\n    open('data.csv')\n    exit(1)\n")


def future_imports(path: Path) -> None:
    """Imports from the future, at the top of one cell and, as IPython allows, in the middle.

    File: ada.ipynb
    Status: graded
    Graded: all passed
    """
    late = f"x = 1\nfrom __future__ import annotations\n{GAP}"
    path.write_bytes(
        notebook(f"from __future__ import annotations\n{IMPORTS}", LOAD, BUSIEST, late)
    )


def star_imports(path: Path) -> None:
    """Star imports that replace builtins: `int` and `float` are types of torch then.

    File: ada.ipynb
    Status: graded
    Graded: expert_load: passed, busiest_expert: error, load_gap: error
    Says: 'torch.dtype' object is not callable
    """
    stars = "from numpy import *\nfrom math import *\nfrom torch import *\nimport torch"
    path.write_bytes(notebook(stars, *ANSWERS[1:]))


def builtins_replaced(path: Path) -> None:
    """Names of builtins given to values: `list`, `int`, `len`.

    File: ada.ipynb
    Status: graded
    Graded: expert_load: passed, busiest_expert: error, load_gap: passed
    Says: busiest_expert raised TypeError
    """
    path.write_bytes(notebook(*ANSWERS, "list = [1, 2]\nint = 3\nlen = 2"))


def wrong_signature(path: Path) -> None:
    """A function with another number of arguments.

    File: ada.ipynb
    Status: graded
    Graded: expert_load: error, busiest_expert: passed, load_gap: passed
    Says: expert_load raised TypeError; positional argument
    """
    load = "def expert_load(indices):\n    return indices"
    path.write_bytes(notebook(*ANSWERS[:3], f"load_of = {_lambda(LOAD)}\n{_own_gap()}", load))


def _lambda(_: str) -> str:
    return "lambda i, n: torch.bincount(i.flatten(), minlength=n) / i.numel()"


def _own_gap() -> str:
    return GAP.replace("expert_load(", "load_of(")


def forgotten_return(path: Path) -> None:
    """A function that prints its result.

    File: ada.ipynb
    Status: graded
    Graded: expert_load: passed, busiest_expert: failed, load_gap: passed
    Says: None
    """
    path.write_bytes(
        notebook(*ANSWERS[:2], "def busiest_expert(load):\n    print(load.argmax())", GAP)
    )


def endless_recursion(path: Path) -> None:
    """A function that calls itself forever.

    File: ada.ipynb
    Status: graded
    Graded: expert_load: passed, busiest_expert: error, load_gap: passed
    Says: RecursionError
    """
    path.write_bytes(
        notebook(*ANSWERS[:2], "def busiest_expert(load):\n    return busiest_expert(load)", GAP)
    )


def warnings_are_errors(path: Path) -> None:
    """All warnings turned into errors, and every random seed set.

    File: ada.ipynb
    Status: graded
    Graded: all passed
    """
    first = "import random, warnings, numpy as np\nwarnings.filterwarnings('error')"
    seeds = "torch.manual_seed(0); np.random.seed(0); random.seed(0)"
    path.write_bytes(notebook(first, f"{IMPORTS}\n{seeds}", *ANSWERS[1:]))


def missing_data(path: Path) -> None:
    """A script that reads a file which is not there, before its last function.

    File: ada.py
    Status: graded
    Graded: all passed
    Says: line 11 failed; FileNotFoundError; data.csv
    """
    path.write_text("\n".join((*ANSWERS[:3], "text = open('data.csv').read()", GAP)))


def package_layout(path: Path) -> None:
    """A script that imports relatively, as from inside a package.

    File: ada.py
    Status: graded
    Graded: all passed
    Says: line 1 failed; ImportError; relative import
    """
    path.write_text(f"from .helpers import count\n{SCRIPT}")


def progress_and_plots(path: Path) -> None:
    """Progress bars, plots, widgets and prints of every kind at the top level.

    File: ada.ipynb
    Status: graded
    Graded: all passed
    """
    shown = (
        "import matplotlib.pyplot as plt\nfrom tqdm.notebook import tqdm\n"
        "from IPython.display import display, clear_output, HTML\n"
        "for step in tqdm(range(100)):\n    print('x' * 10_000)\n    clear_output(wait=True)\n"
        "plt.figure(); plt.plot([1, 2]); plt.show(block=True)\ndisplay(HTML('<b>done</b>'))\n"
    )
    path.write_bytes(notebook(IMPORTS, shown, *ANSWERS[1:]))


def otter_cells(path: Path) -> None:
    """The cells of Otter: initialise, check, export, also with wrong names.

    File: ada.ipynb
    Status: graded
    Graded: all passed
    """
    first = "import otter\ngrader = otter.Notebook('lab.ipynb', tests_dir='nowhere')"
    last = "grader.check('q99')\ngrader.check_all()\ngrader.export(run_tests=True, pdf=False)"
    path.write_bytes(notebook(first, *ANSWERS, last))
