"""Reading scripts: encodings as Python knows them, cells as editors mark them."""

from __future__ import annotations

import codecs
from contextlib import suppress

import pytest

from autograder.notebook.reading import Unreadable, read_submission


def cells(text: str) -> tuple[str, ...]:
    return read_submission(text.encode(), "ada.py").cells


def reason(data: bytes) -> str:
    with pytest.raises(Unreadable) as caught:
        read_submission(data, "ada.py")
    return str(caught.value)


def test_a_plain_script_is_one_cell() -> None:
    assert cells("import math\n\n\ndef f():\n    return 1\n") == (
        "import math\n\n\ndef f():\n    return 1\n",
    )


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("é = 1".encode(), "é = 1"),
        (codecs.BOM_UTF8 + "é = 1".encode(), "é = 1"),
        ("é = 1".encode("utf-16"), "é = 1"),
        ("é = 1".encode("utf-32"), "é = 1"),
        ("# -*- coding: latin-1 -*-\né = 1".encode("latin-1"), "# -*- coding: latin-1 -*-\né = 1"),
        ("#!python\n# vim: set fileencoding=cp1252 :\né = 1".encode("cp1252"), None),
        (b"a = 1\r\nb = 2\rc = 3\n", "a = 1\nb = 2\nc = 3\n"),
    ],
)
def test_encodings_and_line_ends_are_understood(data: bytes, text: str | None) -> None:
    [cell] = read_submission(data, "ada.py").cells
    assert cell == text if text else "é = 1" in cell


@pytest.mark.parametrize("before", ["", "\n", "\n\n\nx = 1\n"])
def test_undeclared_latin_1_is_refused_with_the_line(before: str) -> None:
    line = before.count("\n") + 1
    assert reason(f"{before}# José\n".encode("latin-1")) == (
        f"the file is not utf-8 text (byte 0xe9 in line {line}); "
        "save it as UTF-8, or declare its encoding in the first line"
    )


@pytest.mark.parametrize("name", ["klingon", "rot13", "undefined"])
def test_wrong_declarations_are_refused(name: str) -> None:
    assert "declares an encoding" in reason(f"# coding: {name}\nx = 1".encode("latin-1"))


def test_half_characters_are_replaced() -> None:
    assert cells("# coding: raw_unicode_escape\na = '\\ud800'\n")[0].endswith("a = '\ufffd'\n")


def test_nul_bytes_are_refused() -> None:
    assert "NUL" in reason(b"a = 1\x00")
    assert "NUL" in reason("a = 1".encode("utf-16-le"))
    assert "NUL" in reason("a = '\0'".encode("utf-16"))


def test_percent_format_is_split_into_cells_and_markdown_left_out() -> None:
    text = "import math\n# %%\na = 1\n# %% [markdown]\n# # Title\n#%% second\nb = 2\n"
    assert cells(text) == ("import math\n", "# %%\na = 1\n", "#%% second\nb = 2\n")


def test_what_nbconvert_writes_is_split_into_cells() -> None:
    text = "#!/usr/bin/env python\n# In[1]:\n\n\na = 1\n\n\n# In[ ]:\n\n\nb = 2\n"
    assert [cell.split()[-1] for cell in cells(text)[1:]] == ["1", "2"]


@pytest.mark.parametrize(
    "text",
    [
        "# Databricks notebook source\na = 1\n\n# COMMAND ----------\n\n# MAGIC %md\n# MAGIC # A\n"
        "\n# COMMAND ----------\n\nlost = 1 / 0\n\n# COMMAND ----------\n\nb = 2\n",
        "# + tags=['setup']\na = 1\n# -\n\n# # Title\n\n"
        "# +\nlost = 1 / 0\n# -\n\n# +\nb = 2\n# -\n",
    ],
    ids=["databricks", "jupytext light"],
)
def test_a_cell_that_raises_costs_itself_in_scripts_of_other_tools(text: str) -> None:
    ran: dict[str, int] = {}
    for cell in cells(text):
        with suppress(ZeroDivisionError):
            exec(cell, ran)
    assert (ran["a"], ran["b"]) == (1, 2)
    assert "lost" not in ran


def test_marks_inside_strings_and_statements_do_not_split() -> None:
    text = (
        '"""\n# %% in a docstring\n"""\n'
        "x = [\n# %%\n1]\n"
        "def f():\n    a = 1\n# %%\n    return a\n"
        "@staticmethod\n# %%\ndef g(): pass\n"
    )
    assert cells(text) == (text,)


def test_one_cell_that_is_no_python_does_not_join_the_others() -> None:
    assert cells("a = 1\n# %%\nb = = 2\n# %%\nc = 3\n") == (
        "a = 1\n",
        "# %%\nb = = 2\n",
        "# %%\nc = 3\n",
    )


def test_form_feeds_and_unicode_line_ends_do_not_shift_the_cells() -> None:
    text = "a = 1\n\x0cb = '\u2028'\nc = [\n1]\n# %%\nd = 4\n"
    assert cells(text) == ("a = 1\n\x0cb = '\u2028'\nc = [\n1]\n", "# %%\nd = 4\n")


def test_deeply_nested_source_is_still_a_cell() -> None:
    for text in ("(" * 5_000, "-" * 50_000 + "1", "x" + ".a" * 20_000):
        assert cells(text) == (text,)
