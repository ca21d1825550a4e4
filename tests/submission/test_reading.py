"""Reading notebooks and archives: tolerant of what tools write, never more than `Unreadable`."""

from __future__ import annotations

import codecs
import io
import json
import os
import zipfile
from typing import Any

import nbformat
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from autograder.notebook.reading import MAX_CELLS, Source, Unreadable, read_submission


def code(source: Any) -> dict[str, Any]:
    return {"cell_type": "code", "source": source, "metadata": {}, "outputs": []}


def notebook(*cells: Any, **changes: Any) -> bytes:
    whole = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": list(cells), **changes}
    return json.dumps(whole).encode()


ANSWERS = "def f(): return 1\ndef g(): return 2"


def read(data: bytes, name: str = "ada.ipynb") -> Source:
    return read_submission(data, name)


def reason(data: bytes, name: str = "ada.ipynb", **limits: int) -> str:
    with pytest.raises(Unreadable) as caught:
        read_submission(data, name, **limits)
    return str(caught.value)


def packed(
    *entries: tuple[str | zipfile.ZipInfo, bytes], method: int = zipfile.ZIP_DEFLATED
) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, data in entries:
            archive.writestr(name, data, method)
    return stream.getvalue()


# Notebooks


def test_only_code_cells_count_and_stay_in_order() -> None:
    markdown, raw = {"cell_type": "markdown", "source": "# x"}, {"cell_type": "raw", "source": "y"}
    source = read(notebook(code("a = 1"), markdown, code("b = 2"), raw))
    assert source == Source(("a = 1", "b = 2"), "notebook")


def test_source_may_be_a_string_or_a_list_of_lines() -> None:
    assert read(notebook(code(["a = 1\n", "b = 2"]))).cells == ("a = 1\nb = 2",)


def test_what_nbformat_writes_is_read_back() -> None:
    written = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("é = 'ü'")])
    assert read(nbformat.writes(written).encode()).cells == ("é = 'ü'",)


def test_format_3_is_read() -> None:
    v3 = nbformat.v3
    cells = [v3.new_text_cell("markdown", "# x"), v3.new_code_cell("a = 1"), v3.new_code_cell("b")]
    written = v3.new_notebook(worksheets=[v3.new_worksheet(cells=cells)])
    assert read(v3.writes_json(written).encode()).cells == ("a = 1", "b")


@pytest.mark.parametrize(
    "changes",
    [
        {"nbformat": 4, "nbformat_minor": 99},
        {"nbformat": 5},
        {"nbformat": "four"},
        {"nbformat": None, "metadata": None},
        {"metadata": []},
        {"metadata": {"kernelspec": None, "language_info": 3, "otter": "x"}},
        {"metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3"}}},
        {"metadata": {"language_info": {"name": "python"}, "kernelspec": {"language": "Python"}}},
        {"metadata": {"kernelspec": {"name": "xpython", "language": "python"}}},
        {"metadata": {"kernelspec": {"name": "my-env", "display_name": "My env"}}},
        {"metadata": {"kernelspec": {"name": "sagemath", "language": "sage"}}},
        {
            "metadata": {
                "kernelspec": {"name": "pysparkkernel"},
                "language_info": {"name": "pyspark"},
            }
        },
        {"a new key": {"from": "the future"}},
    ],
)
def test_other_versions_and_odd_metadata_are_read(changes: dict[str, Any]) -> None:
    assert read(notebook(code("a = 1"), **changes)).cells == ("a = 1",)


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]
)
def test_every_encoding_that_json_knows_is_read(encoding: str) -> None:
    text = json.dumps(json.loads(notebook(code("é = 1"))), ensure_ascii=False)
    assert read(text.encode(encoding)).cells == ("é = 1",)


def test_the_assignment_comes_from_otters_metadata() -> None:
    metadata = {"otter": {"assignment_name": "moe_router_analysis", "tests": {}}}
    assert read(notebook(code("a"), metadata=metadata)).assignment == "moe_router_analysis"


@pytest.mark.parametrize(
    ("metadata", "language"),
    [
        ({"kernelspec": {"name": "ir", "display_name": "R"}}, "ir"),
        ({"kernelspec": {"name": "ir", "language": "R"}}, "R"),
        ({"kernelspec": {"name": "julia-1.11"}}, "julia"),
        ({"language_info": {"name": "julia"}}, "julia"),
    ],
)
def test_notebooks_of_other_languages_are_refused_by_name(
    metadata: dict[str, Any], language: str
) -> None:
    said = reason(notebook(code("a <- 1"), metadata=metadata))
    assert said == f"the notebook is written in {language}, not in Python"


def test_cells_without_readable_text_are_left_out_with_a_warning() -> None:
    source = read(
        notebook(code("a = 1"), code(3), code(["b", 4]), "no cell", {"cell_type": "code"})
    )
    assert source.cells == ("a = 1",)
    assert source.warnings == (
        "cell 2 has no readable text and was left out",
        "cell 3 has no readable text and was left out",
        "cell 4 is not a cell and was left out",
        "cell 5 has no readable text and was left out",
    )


def test_half_characters_are_replaced_so_that_the_cell_still_runs() -> None:
    source = read(notebook(code("a = '\ud800'")))
    assert source.cells == ("a = '\ufffd'",)
    assert "half a character" in source.warnings[0]


def test_half_characters_in_metadata_do_no_harm() -> None:
    metadata = {"otter": {"assignment_name": "lab\udc00"}}
    assert read(notebook(code("a"), metadata=metadata)).assignment == "lab\ufffd"
    assert reason(notebook(metadata={"language_info": {"name": "\ud800"}})).encode()


def test_a_notebook_without_code_is_read_with_a_warning() -> None:
    assert read(notebook()).warnings == ("the notebook has no code",)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "the file is empty"),
        (b" \n\t ", "the file is empty"),
        (b"null", "the file is not a notebook: it has no cells"),
        (b"[]", "the file is not a notebook: it has no cells"),
        (b"{}", "the file is not a notebook: it has no cells"),
        (b'{"cells": 3}', "the file is not a notebook: it has no cells"),
        (
            b'{"cells": [\n',
            "the notebook ends in the middle (line 2): it was not saved whole",
        ),
        (b'{"cells": [\n,]}', "the notebook is not valid JSON (line 2)"),
        (b"import torch", "the notebook is not valid JSON (line 1)"),
        (b"\xff\xfa\x00", "the notebook is not utf-8 text: save it as UTF-8"),
        (b"<!DOCTYPE html><html>", "the file is a web page; download the notebook itself"),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:0",
            "the file is a pointer of Git LFS, not the notebook",
        ),
        (
            b'{"cells": [\n<<<<<<< HEAD\n1\n=======\n2\n>>>>>>> main\n]}',
            "the notebook holds unresolved merge conflicts (line 2)",
        ),
    ],
)
def test_what_is_no_notebook_is_refused_with_its_cause(data: bytes, said: str) -> None:
    assert reason(data) == said


@pytest.mark.parametrize("opening", [b"[", b'{"cells":', b'{"cells": [{"source": [['])
def test_deep_nesting_is_refused(opening: bytes) -> None:
    assert "nested too deeply" in reason(opening * 200_000)


def test_an_integer_of_20000_digits_is_refused() -> None:
    data = b'{"cells": [], "metadata": ' + b"9" * 20_000 + b"}"
    assert reason(data) == "the notebook holds a number that is too long"


def test_too_many_cells_and_too_much_code_are_refused() -> None:
    assert "more than 5,000 cells" in reason(notebook(*[code("")] * (MAX_CELLS + 1)))
    assert "characters of code" in reason(notebook(code("x" * 8_000_001)))


def test_a_file_over_the_limit_is_refused() -> None:
    assert reason(notebook(), max_bytes=10) == "the file is larger than 10 bytes"


def test_a_notebook_that_is_called_a_script_is_still_a_notebook() -> None:
    source = read(notebook(code("%matplotlib inline")), "ada.py")
    assert source.kind == "notebook"
    assert source.warnings == ("the file is a notebook, whatever its name says",)


# Archives


def test_what_otter_exports_is_read() -> None:
    metadata = {"otter": {"assignment_name": "lab"}}
    data = packed(
        ("folder/lab.ipynb", notebook(code("a = 1"), metadata=metadata)),
        ("folder/lab.pdf", b"%PDF"),
        (".OTTER_LOG", b"\x80\x04."),
        ("__zip_filename__", b"lab_2026_11_23T15_31_00_123456.zip"),
        ("lab.otter", b"{}"),
    )
    source = read(data, "lab_2026_11_23T15_31_00_123456.zip")
    assert (source.cells, source.kind, source.assignment) == (("a = 1",), "notebook", "lab")
    assert (source.warnings, source.doubt) == ((), "")


def test_what_operating_systems_and_jupyter_add_is_ignored() -> None:
    data = packed(
        ("__MACOSX/._lab.ipynb", b"\x00"),
        (".ipynb_checkpoints/lab-checkpoint.ipynb", b"{}"),
        ("work/.hidden/other.ipynb", b"{}"),
        ("work\\.hidden\\other.ipynb", b"{}"),
        ("work/._lab.ipynb", b"\x00"),
        ("work/lab.ipynb/", b""),
        ("./work/lab.ipynb", notebook(code("a = 1"))),
    )
    assert read(data, "a.zip").cells == ("a = 1",)


def test_a_script_is_read_where_there_is_no_notebook() -> None:
    assert read(packed(("lab.PY", b"a = 1")), "a.zip") == Source(("a = 1",), "script")
    both = packed(("helper.py", b"b = 2"), ("lab.ipynb", notebook(code("a = 1"))))
    assert read(both, "a.zip").cells == ("a = 1",)


def test_an_archive_is_known_by_its_contents() -> None:
    assert read(packed(("lab.py", b"a = 1")), "ada.ipynb").kind == "script"


def test_copies_of_one_notebook_count_once() -> None:
    data = packed(("lab.ipynb", notebook(code("a"))), ("copy/lab.ipynb", notebook(code("a"))))
    assert read(data, "a.zip").cells == ("a",)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_of_two_files_with_one_name_in_an_archive_the_later_counts_as_when_unpacking() -> None:
    data = packed(("a.ipynb", notebook(code("1"))), ("a.ipynb", notebook(code("2"))))
    assert read(data, "a.zip").cells == ("2",)


def test_of_two_notebooks_in_an_archive_the_one_with_most_functions_is_read() -> None:
    draft, answers = notebook(code("def f(): return 1")), notebook(code(ANSWERS))
    source = read(packed(("draft.ipynb", draft), ("final.ipynb", answers)), "a.zip")
    assert source.cells == (ANSWERS,)
    assert source.doubt == ""


def test_two_notebooks_in_an_archive_that_could_each_be_meant_are_a_doubt() -> None:
    other = notebook(code(ANSWERS.replace("1", "3")))
    source = read(packed(("a.ipynb", other), ("b.ipynb", notebook(code(ANSWERS)))), "a.zip")
    assert source.cells == (ANSWERS,)
    assert source.doubt.startswith("b.ipynb was graded, which defines 2")
    assert "a.ipynb may be meant instead" in source.doubt


def test_what_lies_beside_the_notebook_in_an_archive_comes_along() -> None:
    source = read(
        packed(
            ("ada/lab.ipynb", notebook(code("import helpers"))),
            ("ada/helpers.py", b"x = 1"),
            ("ada/data/table.csv", b"1,2"),
            ("../../etc/passwd", b"root"),
        ),
        "a.zip",
    )
    assert dict(source.companions) == {
        "helpers.py": b"x = 1",
        "data/table.csv": b"1,2",
        "etc/passwd": b"root",
    }


def test_a_damaged_file_in_an_archive_costs_nothing_but_itself() -> None:
    data = bytearray(packed(("helpers.py", b"x = 1\n" * 50), ("lab.ipynb", notebook(code("y")))))
    data[45:49] = b"\xff\xff\xff\xff"
    assert read(bytes(data), "a.zip").cells == ("y",)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "the file is empty"),
        (b"no archive", "the file is a damaged zip archive"),
        (b"PK\x03\x04" + bytes(100), "the file is a damaged zip archive"),
        (packed(), "the file is an empty archive"),
        (packed(("a.txt", b"")), "the file is an archive without a notebook or a Python file"),
        (packed(("a.ipynb", b"")), "the file is empty"),
        (packed(("x/lab.zip", packed())), "the file is an archive inside an archive"),
        (packed(("a.ipynb", b"<html>")), "the file is a web page; download the notebook itself"),
    ],
)
def test_archives_that_cannot_be_read_are_refused_with_their_cause(data: bytes, said: str) -> None:
    assert reason(data, "a.zip").startswith(said)


def test_a_bomb_is_refused_by_its_declared_and_by_its_real_size() -> None:
    honest = packed(("a.ipynb", bytes(100_000)))
    assert "a.ipynb is larger than 50,000 bytes" in reason(honest, "a.zip", max_bytes=50_000)
    size = (100_000).to_bytes(4, "little")
    lying = honest.replace(size, (100).to_bytes(4, "little"))
    assert lying != honest
    assert reason(lying, "a.zip", max_bytes=50_000)


def test_an_archive_of_very_many_files_is_refused() -> None:
    data = packed(*((f"{n}.txt", b"") for n in range(2_001)))
    assert reason(data, "a.zip") == "the file is an archive of more than 2,000 files"


def test_an_archive_with_a_password_is_refused() -> None:
    data = bytearray(packed(("a.ipynb", b"{}")))
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    assert reason(bytes(data), "a.zip") == "the file is an archive with a password"


def test_an_unknown_compression_is_refused() -> None:
    data = bytearray(packed(("a.ipynb", b"{}")))
    data[8] = 97
    data[data.index(b"PK\x01\x02") + 10] = 97
    assert "packed in a way that cannot be opened" in reason(bytes(data), "a.zip")


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_every_compression_of_the_standard_library_is_read(method: int) -> None:
    assert read(packed(("a.ipynb", notebook(code("a"))), method=method), "a.zip").cells == ("a",)


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_damaged_contents_are_refused(method: int) -> None:
    contents = notebook(code("a = 1"), metadata={"noise": os.urandom(2_000).hex()})
    data = bytearray(packed(("a.ipynb", contents), method=method))
    data[200:400] = bytes(200)
    assert reason(bytes(data), "a.zip")


def test_a_link_inside_an_archive_is_refused() -> None:
    entry = zipfile.ZipInfo("a.ipynb")
    entry.external_attr = 0o120777 << 16
    assert "a.ipynb is a link" in reason(packed((entry, b"/etc/passwd")), "a.zip")


def test_paths_that_lead_out_of_the_archive_do_no_harm() -> None:
    for name in ("../../lab.ipynb", "/etc/lab.ipynb", "C:\\lab.ipynb"):
        assert read(packed((name, notebook(code("a")))), "a.zip").cells == ("a",)


def test_names_in_messages_are_printable() -> None:
    first, second = notebook(code("def f(): return 1")), notebook(code("def f(): return 2"))
    said = read(packed(("\x1b[31m.ipynb", first), ("b.ipynb", second)), "a.zip").doubt
    assert said
    assert said.isprintable()


# Anything


def assert_read_or_unreadable(data: bytes, name: str) -> None:
    """Whatever is read holds cells of text that can be encoded; all else is `Unreadable`."""
    try:
        cells = read_submission(data, name).cells
    except Unreadable as problem:
        cells = (str(problem),)
    assert all(isinstance(cell.encode(), bytes) for cell in cells)


@settings(max_examples=150, deadline=None)
@given(data=st.binary(max_size=300), name=st.sampled_from(["a.ipynb", "a.py", "a.zip", "a"]))
@example(data=codecs.BOM_UTF16_LE + b"\x00\xd8", name="a.py")
@example(data=codecs.BOM_UTF8, name="a.ipynb")
@example(data=b"# coding: rot13\nx = 1", name="a.py")
@example(data=b"# coding: undefined\nx = 1", name="a.py")
@example(data=b"PK\x05\x06" + bytes(18), name="a.zip")
def test_arbitrary_bytes_are_read_or_unreadable(data: bytes, name: str) -> None:
    assert_read_or_unreadable(data, name)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
CELL = st.fixed_dictionaries(
    {},
    optional={
        "cell_type": st.sampled_from(["code", "markdown"]) | JSON,
        "source": st.text() | st.lists(st.text()) | JSON,
        "input": JSON,
        "language": JSON,
    },
)
NOTEBOOK = st.fixed_dictionaries(
    {},
    optional={
        "cells": st.lists(CELL | JSON) | JSON,
        "worksheets": st.lists(st.fixed_dictionaries({"cells": st.lists(CELL)}) | JSON) | JSON,
        "metadata": st.fixed_dictionaries(
            {}, optional={"kernelspec": JSON, "language_info": JSON, "otter": JSON}
        )
        | JSON,
        "nbformat": JSON,
    },
)


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(whole=NOTEBOOK, cut=st.integers(0, 400), flip=st.integers(0, 400), inside=st.booleans())
def test_mutated_notebooks_are_read_or_unreadable(
    whole: dict[str, Any], cut: int, flip: int, inside: bool
) -> None:
    data = bytearray(json.dumps(whole).encode())
    if cut < len(data) // 4:
        del data[cut : cut + 3]
    if flip < len(data) // 4:
        data[flip] ^= 0x10
    submitted = packed(("a.ipynb", bytes(data))) if inside else bytes(data)
    assert_read_or_unreadable(submitted, "a.zip" if inside else "a.ipynb")
