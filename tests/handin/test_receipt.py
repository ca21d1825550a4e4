"""The receipt in a zip that was handed in: what it says, and what it notices."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from autograder.authoring.course import load_assignment
from autograder.cli.main import run as run_command
from autograder.edition.notebook import solved_notebook, student_notebook
from moelab_kit import handing_in
from moelab_kit.check import PublicResult

NAME = "moe_routing_in_practice"
NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def notebook() -> bytes:
    return student_notebook(load_assignment(NAME)).encode()


@pytest.fixture
def written(notebook) -> str:
    results = [
        PublicResult("route", "Scores.", ""),
        PublicResult("coactivation", "Shares.", "\x1b[31mwrong"),
    ]
    return handing_in.receipt_for(f"{NAME}.ipynb", notebook, results, NOW)


@pytest.fixture
def check(tmp_path, capsys):
    """Check a zip with this notebook and this receipt."""

    def run(notebook: bytes, receipt_text: str | None, *arguments: str) -> tuple[int, str, str]:
        path = tmp_path / "handed_in.zip"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(f"{NAME}.ipynb", notebook)
            if receipt_text is not None:
                archive.writestr(f"{NAME}.receipt.json", receipt_text)
        status = run_command(["check", str(path), *arguments])
        printed = capsys.readouterr()
        return status, printed.out, printed.err

    return run


def changed(text: str, **values: object) -> str:
    return json.dumps({**json.loads(text), **values})


def test_a_receipt_is_printed_and_found_to_fit(check, notebook, written):
    status, out, _ = check(notebook, written)
    assert status == 0
    assert "assignment  moe_routing_in_practice" in out
    assert "2026-11-25T12:00:00+00:00" in out
    assert "1 of 2 public checks" in out
    assert "✓ route: Scores." in out
    assert "✗ coactivation: Shares." in out
    assert "torch 2." in out
    assert "evidence, not proof" in out
    assert "another version" not in out


def test_a_changed_notebook_is_noticed(check, notebook, written):
    status, out, _ = check(notebook.replace(b"raise NotImplementedError", b"return 1", 1), written)
    assert status == 1
    assert "The notebook is not the one that the receipt was written for." in out


@pytest.mark.parametrize(
    "values",
    [
        {"time": "2026-11-24T12:00:00+00:00"},
        {"results": []},
        {"versions": {}},
        {"assignment": "moe_router_analysis"},
    ],
)
def test_a_changed_receipt_is_noticed(check, notebook, written, values):
    status, out, _ = check(notebook, changed(written, **values))
    assert status == 1
    assert "The receipt was changed after it was written." in out


def test_a_notebook_with_other_checks_or_another_lab_is_remarked_on(check, notebook, monkeypatch):
    content = json.loads(notebook)
    tests = content["metadata"]["otter"]["tests"]
    tests["route"] = tests["route"].replace("run_law(", "print(")
    easy = json.dumps(content).encode()
    monkeypatch.setattr(handing_in, "lab_digest", lambda: "sha256:another")
    text = handing_in.receipt_for("x.ipynb", easy, [], NOW)
    monkeypatch.undo()
    status, out, _ = check(easy, text)
    assert status == 0
    assert "The public checks in the notebook are not those of this course's release" in out
    assert "The package moe_lab was not that of this course's release" in out


def test_nothing_of_a_strangers_notebook_is_run(check, tmp_path, notebook):
    marker = tmp_path / "marker"
    content = json.loads(notebook)
    content["cells"][0]["source"] = f"open({str(marker)!r}, 'w')"
    data = json.dumps(content).encode()
    assert check(data, handing_in.receipt_for("x.ipynb", data, [], NOW))[0] == 0
    assert not marker.exists()


@pytest.mark.parametrize(
    "text",
    [
        "{torn",
        "[]",
        "{}",
        "[" * 100_000,
        '{"seal": ' + "9" * 10_000 + "}",
        "\ud800".encode("utf-8", "surrogatepass").decode("latin-1"),
    ],
)
def test_a_receipt_that_cannot_be_read_is_one_sentence(check, notebook, text):
    status, out, err = check(notebook, text)
    assert (status, out) == (2, "")
    assert "the receipt cannot be read" in err
    assert "Traceback" not in err


def test_values_of_the_wrong_kind_cannot_be_read(check, notebook, written):
    for values in ({"results": [1]}, {"versions": []}, {"time": 7}, {"results": {"a": 1}}):
        assert check(notebook, changed(written, **values))[0] == 2


def test_text_in_a_receipt_cannot_play_tricks_on_a_terminal(check, notebook, written):
    _, out, _ = check(
        notebook, changed(written, time="\x1b[2Jnow\nverified", assignment="a\u202eb")
    )
    assert "\x1b" not in out
    assert "\u202e" not in out
    assert "now verified" in out


def test_an_archive_without_a_receipt_says_who_writes_one(check, notebook):
    status, _, err = check(notebook, None)
    assert status == 2
    assert "it holds no receipt: the notebook's last cell writes one" in err


def test_a_damaged_archive_is_one_sentence(tmp_path, capsys):
    (tmp_path / "torn.zip").write_bytes(b"PK\x03\x04 torn")
    assert run_command(["check", str(tmp_path / "torn.zip")]) == 2
    assert "torn.zip: " in capsys.readouterr().err


def test_moelab_grade_takes_a_zip_with_a_receipt_as_the_notebook(notebook, written):
    from autograder.notebook.reading import read_submission

    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(f"{NAME}.ipynb", notebook)
        archive.writestr(f"{NAME}.receipt.json", written)
    assert read_submission(packed.getvalue(), "x.zip").assignment == NAME


def test_the_solved_notebook_ends_with_handing_in():
    cells = json.loads(solved_notebook(load_assignment(NAME), {}))["cells"]
    assert "".join(cells[-1]["source"]) == f'hand_in(grader, "{NAME}.ipynb")'
    assert Path(handing_in.__file__).name == "handing_in.py"


DEEP = "[" * 200_000


def _packed(notebook: bytes, receipt_text: str, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", method) as archive:
        archive.writestr(f"{NAME}.ipynb", notebook)
        archive.writestr(f"{NAME}.receipt.json", receipt_text)
    return data.getvalue()


def _spoilt(data: bytes, *, skip: int) -> bytes:
    """The archive with some bytes of its second member's contents changed."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        entry = archive.infolist()[-1]
        start = entry.header_offset + 30 + len(entry.filename) + skip
    return data[:start] + bytes(255 - byte for byte in data[start : start + 8]) + data[start + 8 :]


def _with_password(data: bytes, *, of_all: bool) -> bytes:
    """The archive with the flag that its members are encrypted."""
    spoilt = bytearray(data)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        entries = archive.infolist()
        for entry in entries if of_all else entries[-1:]:
            spoilt[entry.header_offset + 6] |= 1
    at = 0
    found = []
    while (at := spoilt.find(b"PK\x01\x02", at)) >= 0:
        found.append(at)
        at += 4
    for at in found if of_all else found[-1:]:
        spoilt[at + 8] |= 1
    return bytes(spoilt)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("a password", "password"),
        ("a password for the receipt", "password"),
        ("damaged LZMA", "damaged"),
        ("damaged bzip2", "damaged"),
        ("damaged deflate", "damaged"),
        ("cut short", "damaged"),
        ("a deep receipt", "receipt cannot be read"),
        ("a bomb", "larger than"),
        ("a directory that lies", "damaged"),
    ],
)
def test_an_archive_that_cannot_be_read_is_told_in_a_sentence(
    name, said, notebook, written, tmp_path, capsys
):
    good = _packed(notebook, written)
    data = {
        "a password": lambda: _with_password(good, of_all=True),
        "a password for the receipt": lambda: _with_password(good, of_all=False),
        "damaged LZMA": lambda: _spoilt(_packed(notebook, written, zipfile.ZIP_LZMA), skip=20),
        "damaged bzip2": lambda: _spoilt(_packed(notebook, written, zipfile.ZIP_BZIP2), skip=9),
        "damaged deflate": lambda: _spoilt(good, skip=3),
        "cut short": lambda: good[: len(good) // 2],
        "a deep receipt": lambda: _packed(notebook, DEEP),
        "a bomb": lambda: _packed(b" " * (65 << 20), written),
        "a directory that lies": lambda: good[:-22] + good[-22:-6] + b"\xff\xff\xff\x7f\0\0",
    }[name]()
    path = tmp_path / "ada.zip"
    path.write_bytes(data)
    assert run_command(["check", str(path)]) == 2
    err = capsys.readouterr().err
    assert said in err
    assert "mistake of its own" not in err
    assert err.count("\n") == 1
