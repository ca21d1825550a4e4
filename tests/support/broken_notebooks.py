"""Notebooks of old and future formats, for other kernels, from other tools, with odd cells."""

from __future__ import annotations

import json
from pathlib import Path

import nbformat
from broken_suite import ANSWERS, SCRIPT, cell, content, notebook


def format_3(path: Path) -> None:
    """A notebook in format 3, of IPython before 2015.

    File: ada.ipynb
    Status: graded
    Graded: all passed
    """
    v3 = nbformat.v3
    cells = [v3.new_heading_cell("Lab"), *map(v3.new_code_cell, ANSWERS)]
    path.write_text(v3.writes_json(v3.new_notebook(worksheets=[v3.new_worksheet(cells=cells)])))


def format_2(path: Path) -> None:
    """A notebook in format 2, of IPython 0.12.

    File: ada.ipynb
    Status: graded
    Graded: all passed
    """
    v2 = nbformat.v2
    cells = [v2.new_text_cell("markdown", "Lab"), *map(v2.new_code_cell, ANSWERS)]
    path.write_text(v2.writes_json(v2.new_notebook(worksheets=[v2.new_worksheet(cells=cells)])))


def format_5(path: Path) -> None:
    """A notebook of a format that does not exist yet, with fields that nobody knows.

    File: ada.ipynb
    Status: graded
    Graded: all passed
    """
    cells = [cell(answer, provenance={"author": "a model"}) for answer in ANSWERS]
    path.write_bytes(notebook(*cells, nbformat=5, nbformat_minor=2, blocks=[], schema="…"))


def no_format(path: Path) -> None:
    """A notebook without a format, metadata or ids: cells alone.

    File: ada.ipynb
    Status: graded
    Graded: all passed
    """
    cells = [{"cell_type": "code", "source": answer.splitlines(True)} for answer in ANSWERS]
    path.write_text(json.dumps({"cells": cells}))


def r_notebook(path: Path) -> None:
    """A notebook for R.

    File: ada.ipynb
    Status: unreadable
    Graded: all missing
    Says: written in R, not in Python
    """
    kernel = {"name": "ir", "language": "R", "display_name": "R"}
    path.write_bytes(notebook("expert_load <- function(i, n) 1", metadata={"kernelspec": kernel}))


def julia_notebook(path: Path) -> None:
    """A notebook for Julia that tells only its kernel's name.

    File: ada.ipynb
    Status: unreadable
    Graded: all missing
    Says: written in julia, not in Python
    """
    path.write_bytes(notebook("f(x) = x", metadata={"kernelspec": {"name": "julia-1.11"}}))


def polyglot(path: Path) -> None:
    """A notebook for Python with cells in other languages between.

    File: ada.ipynb
    Status: graded
    Graded: all passed
    Says: %%bash; %%R
    """
    others = ("%%bash\nls | wc -l", "%%R\nx <- 1", "%%javascript\nalert(1)", "%%html\n<b>x</b>")
    path.write_bytes(notebook(*ANSWERS[:2], *others, *ANSWERS[2:]))


def colab(path: Path) -> None:
    """A notebook from Colab: it mounts a drive in the cell in which it imports torch.

    File: ada.ipynb
    Status: graded
    Graded: all passed
    """
    imports = (
        "#@title Imports { display-mode: 'form' }\n"
        "from google.colab import drive, files, userdata\n"
        "drive.mount('/content/drive')\n"
        "import torch\n"
        "device = 'cuda' if torch.cuda.is_available() else 'cpu'\n"
        "!nvidia-smi\n"
    )
    metadata = {
        "colab": {"provenance": [], "gpuType": "T4"},
        "accelerator": "GPU",
        "kernelspec": {"name": "python3", "display_name": "Python 3"},
    }
    cells = [cell(one, metadata={"id": "a_Bc", "cellView": "form"}) for one in ANSWERS[1:]]
    path.write_bytes(notebook(imports, *cells, metadata=metadata))


def colab_form(path: Path) -> None:
    """A notebook that asks Colab for files and a secret, and uses what it gets.

    File: ada.ipynb
    Status: graded
    Graded: all passed
    """
    cell_of_colab = (
        "import google.colab\n"
        "from google.colab import files\n"
        "uploaded = files.upload()\n"
        "for name in uploaded: print(name)\n"
        "google.colab.output.clear()\n"
    )
    path.write_bytes(notebook(ANSWERS[0], cell_of_colab + ANSWERS[1], *ANSWERS[2:]))


def magics(path: Path) -> None:
    """Magics and shell lines of all kinds, in the cells that define the functions.

    File: ada.ipynb
    Status: graded
    Graded: all passed
    Says: shell command; pip install
    """
    path.write_bytes(
        notebook(
            "%matplotlib inline\n%load_ext autoreload\n%autoreload 2\n!pip install -q torch\n"
            "import torch",
            f"%%time\n{ANSWERS[1]}",
            f"?torch.topk\ntorch.topk??\nfiles = !ls\n%env SEED=1\n%cd /tmp\n{ANSWERS[2]}",
            f"%%capture out\n{ANSWERS[3]}",
            "%timeit load_gap(torch.tensor([[0], [1]]), 2)",
            "%%script false\nthis is not run",
            "!cd data && \\\n  wget http://127.0.0.1/data.bin",
            "%tensorboard --logdir runs",
        )
    )


def written_module(path: Path) -> None:
    """A module that one cell writes to a file and another imports, and a script that one runs.

    File: ada.ipynb
    Status: graded
    Graded: all passed
    """
    path.write_bytes(
        notebook(
            ANSWERS[0],
            f"%%writefile loads.py\nimport torch\n{ANSWERS[1]}",
            "from loads import expert_load",
            f"%%writefile busiest.py\n{ANSWERS[2]}",
            "%run busiest.py",
            ANSWERS[3],
        )
    )


def run_of_a_missing_file(path: Path) -> None:
    """`%run` of a script that was not handed in.

    File: ada.ipynb
    Status: graded
    Graded: all passed
    Says: %run was left out; helpers.py
    """
    path.write_bytes(notebook(f"%run helpers.py\n{ANSWERS[0]}", *ANSWERS[1:]))


def raw_cells(path: Path) -> None:
    """A notebook in which one answer became a raw cell, and another a text cell.

    File: ada.ipynb
    Status: graded
    Graded: expert_load: passed, busiest_expert: missing, load_gap: missing
    Says: defines no function busiest_expert; raw cell; text cell
    """
    answers = (cell(ANSWERS[2], "raw"), cell(ANSWERS[3], "markdown"))
    path.write_bytes(notebook(*ANSWERS[:2], *answers))


def no_code(path: Path) -> None:
    """A notebook of text alone.

    File: ada.ipynb
    Status: graded
    Graded: all missing
    Says: no code
    """
    path.write_bytes(notebook(cell("# My answer is 42", "markdown")))


def no_cells(path: Path) -> None:
    """A notebook without a single cell, as a new one is.

    File: ada.ipynb
    Status: graded
    Graded: all missing
    Says: no code
    """
    path.write_bytes(notebook())


def odd_cells(path: Path) -> None:
    """Cells that are no cells, without type, without text, or with a text that is a number.

    File: ada.ipynb
    Status: graded
    Graded: all passed
    Says: cell 1; cell 2; not a cell; no readable text
    """
    odd = ["pass", None, 7, {"cell_type": "code", "source": 7}, {"cell_type": "code"}, {}]
    whole = content(*ANSWERS)
    path.write_text(json.dumps({**whole, "cells": [*odd[1:], *whole["cells"]]}))


def cells_in_a_dict(path: Path) -> None:
    """A notebook whose cells are a dict.

    File: ada.ipynb
    Status: unreadable
    Graded: all missing
    Says: not a notebook; no cells
    """
    path.write_text(json.dumps({**content(), "cells": {"1": cell(SCRIPT)}}))


def huge_outputs(path: Path) -> None:
    """A notebook with outputs of 30 MB, which do not matter.

    File: ada.ipynb
    Status: graded
    Graded: all passed
    """
    output = {"output_type": "stream", "name": "stdout", "text": "x" * (30 << 20)}
    path.write_bytes(notebook(cell("1", outputs=[output]), *ANSWERS))


def too_many_cells(path: Path) -> None:
    """A notebook of 6,000 cells.

    File: ada.ipynb
    Status: unreadable
    Graded: all missing
    Says: more than 5,000 cells
    """
    path.write_bytes(notebook(*ANSWERS, *["pass"] * 6_000))


def too_much_code(path: Path) -> None:
    """A notebook with a table of ten million characters in its code.

    File: ada.ipynb
    Status: unreadable
    Graded: all missing
    Says: more than 8,000,000 characters of code
    """
    path.write_bytes(notebook(f"table = '{'x' * 10_000_000}'", *ANSWERS))


def other_assignment(path: Path) -> None:
    """A notebook of another assignment, by its metadata.

    File: ada.ipynb
    Status: graded
    Graded: all passed
    Says: its metadata names the assignment 'week_2'
    """
    path.write_bytes(notebook(*ANSWERS, metadata={"otter": {"assignment_name": "week_2"}}))


def percent_script(path: Path) -> None:
    """A script in percent format with a cell that fails.

    File: ada.py
    Status: graded
    Graded: all passed
    Says: cell 4: line 2 failed; NameError
    """
    first, *rest = ANSWERS[:3]
    path.write_text("\n# %%\n".join([first, *rest, f"undefined_name\n{ANSWERS[3]}"]))


def capital_cell_types(path: Path) -> None:
    """A notebook of a tool that writes `Code` where the format says `code`.

    File: ada.ipynb
    Status: graded
    Graded: all passed
    """
    cells = [cell(answer, cell_type="Code") for answer in ANSWERS]
    path.write_bytes(notebook(*cells))


def typescript_notebook(path: Path) -> None:
    """A notebook for TypeScript that tells only its kernel's name.

    File: ada.ipynb
    Status: unreadable
    Graded: all missing
    Says: written in deno, not in Python
    """
    path.write_bytes(notebook("let x = 1;", metadata={"kernelspec": {"name": "deno"}}))


def odd_separators(path: Path) -> None:
    """Cells with line and paragraph separators, form feeds and NEL within texts and between lines.

    File: ada.ipynb
    Status: graded
    Graded: all passed
    """
    odd = "x = 'a\u2028b\u2029c'\n\x0cy = '\x85'\x0c\n# \u202e turned\n"
    path.write_bytes(notebook(ANSWERS[0], odd + ANSWERS[1], *ANSWERS[2:]))


def shortcut_of_a_drive(path: Path) -> None:
    """The shortcut that a drive saves in the place of a notebook.

    File: ada.ipynb
    Status: unreadable
    Graded: all missing
    Says: not a notebook; no cells
    """
    path.write_text('{"url": "https://colab.research.google.com/drive/1", "doc_id": "1"}')
