"""Files that are something else, or nothing, or damaged, or written in an odd encoding."""

from __future__ import annotations

import base64
import gzip
import json
import pickle
from pathlib import Path

from broken_suite import ANSWERS, SCRIPT, cell, content, notebook

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def empty_file(path: Path) -> None:
    """A notebook of no bytes at all.

    File: ada.ipynb
    Status: unreadable
    Graded: all missing
    Says: the file is empty
    """
    path.touch()


def blank_script(path: Path) -> None:
    """A script of blank lines.

    File: ada.py
    Status: unreadable
    Graded: all missing
    Says: the file is empty
    """
    path.write_bytes(b" \r\n\t\n\n")


def zero_bytes(path: Path) -> None:
    """A notebook of zero bytes, as a crashed computer or a failed download leaves it.

    File: ada.ipynb
    Status: unreadable
    Graded: all missing
    Says: zero bytes
    """
    path.write_bytes(b"\0" * 100_000)


def program(path: Path) -> None:
    """A program for Linux under the name of a script.

    File: ada.py
    Status: unreadable
    Graded: all missing
    Says: a program, not a Python file
    """
    path.write_bytes(b"\x7fELF\x02\x01\x01" + b"\0" * 200)


def too_large(path: Path) -> None:
    """A notebook of more bytes than is read: an output with a film in it.

    File: ada.ipynb
    Status: unreadable
    Graded: all missing
    Says: larger than 64 MB; outputs
    """
    path.write_bytes(notebook(*ANSWERS))
    with path.open("r+b") as file:
        file.truncate((64 << 20) + 1)


def pdf(path: Path) -> None:
    """A PDF of the notebook, renamed.

    File: ada.ipynb
    Status: unreadable
    Graded: all missing
    Says: a PDF document
    """
    path.write_bytes(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<</Type/Catalog>>\nendobj\n%%EOF\n")


def png(path: Path) -> None:
    """A screenshot, renamed.

    File: ada.ipynb
    Status: unreadable
    Graded: all missing
    Says: a picture
    """
    path.write_bytes(PNG)


def picture_as_script(path: Path) -> None:
    """A photograph, called a Python file.

    File: ada.py
    Status: unreadable
    Graded: all missing
    Says: a picture
    """
    path.write_bytes(b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + bytes(range(256)) * 4)


def web_page(path: Path) -> None:
    """The page that shows the notebook, instead of the notebook.

    File: ada.ipynb
    Status: unreadable
    Graded: all missing
    Says: a web page; download the notebook itself
    """
    path.write_bytes(b"<!DOCTYPE html>\n<html><body>def expert_load(): ...</body></html>")


def web_page_as_script(path: Path) -> None:
    """The page that shows the script, instead of the script.

    File: ada.py
    Status: unreadable
    Graded: all missing
    Says: a web page
    """
    path.write_bytes(b"\n<html><head><title>ada.py - GitHub</title></head></html>")


def old_word_document(path: Path) -> None:
    """A document of an old office program, renamed.

    File: ada.ipynb
    Status: unreadable
    Graded: all missing
    Says: an office document
    """
    path.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 504)


def pickled(path: Path) -> None:
    """A pickle that would run code if it were loaded.

    File: ada.py
    Status: unreadable
    Graded: all missing
    Says: not a Python file
    """
    path.write_bytes(pickle.dumps({"expert_load": SCRIPT, "n": 7}))


def compiled(path: Path) -> None:
    """Compiled Python (`.pyc`) under the name of a script.

    File: ada.py
    Status: unreadable
    Graded: all missing
    Says: not a Python file
    """
    path.write_bytes(b"\xa7\r\r\n\0\0\0\0\x12\x34\x56\x78\0\0\0\0\xe3\0\0\0\0")


def gzipped(path: Path) -> None:
    """A notebook compressed with gzip, under its old name.

    File: ada.ipynb
    Status: unreadable
    Graded: all missing
    Says: gzip; unpack
    """
    path.write_bytes(gzip.compress(notebook(*ANSWERS)))


def git_lfs_pointer(path: Path) -> None:
    """What Git LFS leaves in the place of a file that was not fetched.

    File: ada.ipynb
    Status: unreadable
    Graded: all missing
    Says: Git LFS
    """
    path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 12345\n")


def truncated_json(path: Path) -> None:
    """A notebook that ends in the middle, as after an upload that broke off.

    File: ada.ipynb
    Status: unreadable
    Graded: all missing
    Says: ends in the middle
    """
    path.write_bytes(json.dumps(content(*ANSWERS), indent=1).encode()[:600])


def json_with_a_slip(path: Path) -> None:
    """A notebook that was edited by hand, with a comma too many.

    File: ada.ipynb
    Status: unreadable
    Graded: all missing
    Says: not valid JSON; line 2
    """
    path.write_bytes(notebook(*ANSWERS).replace(b'"nbformat": 4,', b'"nbformat": 4,\n,', 1))


def merge_conflict(path: Path) -> None:
    """A notebook with unresolved conflicts of Git.

    File: ada.ipynb
    Status: unreadable
    Graded: all missing
    Says: merge conflicts
    """
    path.write_bytes(b'{"cells": [\n<<<<<<< HEAD\n"a"\n=======\n"b"\n>>>>>>> main\n]}')


def json_that_is_a_list(path: Path) -> None:
    """JSON, but a list of numbers.

    File: ada.ipynb
    Status: unreadable
    Graded: all missing
    Says: not a notebook; no cells
    """
    path.write_text("[1, 2, 3]")


def json_that_is_a_text(path: Path) -> None:
    """A notebook that was encoded twice: JSON in a JSON text.

    File: ada.ipynb
    Status: unreadable
    Graded: all missing
    Says: not a notebook
    """
    path.write_text(json.dumps(notebook(*ANSWERS).decode()))


def nested_json(path: Path) -> None:
    """JSON nested a million lists deep.

    File: ada.ipynb
    Status: unreadable
    Graded: all missing
    Says: nested too deeply
    """
    path.write_bytes(b"[" * 1_000_000)


def huge_integer(path: Path) -> None:
    """JSON with an integer of 100,000 digits, which would take long to convert.

    File: ada.ipynb
    Status: unreadable
    Graded: all missing
    Says: a number that is too long
    """
    path.write_bytes(b'{"cells": [], "nbformat": ' + b"9" * 100_000 + b"}")


def byte_order_mark(path: Path) -> None:
    """A script in UTF-8 with a byte order mark, as Windows editors write it.

    File: ada.py
    Status: graded
    Graded: all passed
    """
    path.write_text(SCRIPT, encoding="utf-8-sig")


def utf_16_script(path: Path) -> None:
    """A script in UTF-16, as old Windows editors call it: Unicode.

    File: ada.py
    Status: graded
    Graded: all passed
    """
    path.write_text(SCRIPT, encoding="utf-16")


def utf_16_notebook(path: Path) -> None:
    """A notebook in UTF-16.

    File: ada.ipynb
    Status: graded
    Graded: all passed
    """
    path.write_bytes(notebook(*ANSWERS).decode().encode("utf-16"))


def latin_1_with_a_cookie(path: Path) -> None:
    """A script in Latin-1 that says so in its first line.

    File: ada.py
    Status: graded
    Graded: all passed
    """
    path.write_bytes(f"# -*- coding: latin-1 -*-\nname = 'Zoë'\n{SCRIPT}".encode("latin-1"))


def latin_1_without_a_cookie(path: Path) -> None:
    """A script in Latin-1 that does not say so: no Python runs it.

    File: ada.py
    Status: unreadable
    Graded: all missing
    Says: not utf-8 text; line 1; save it as UTF-8
    """
    path.write_bytes(f"name = 'Zoë'\n{SCRIPT}".encode("latin-1"))


def lines_without_ends(path: Path) -> None:
    """A notebook of a tool that left the line ends out of the lists of lines.

    File: ada.ipynb
    Status: graded
    Graded: all passed
    """
    path.write_bytes(notebook(*(cell(answer.splitlines()) for answer in ANSWERS)))


def latin_1_notebook(path: Path) -> None:
    """A notebook that an editor saved in Latin-1, which JSON never is.

    File: ada.ipynb
    Status: unreadable
    Graded: all missing
    Says: not utf-8 text; save it as UTF-8
    """
    text = json.dumps(content(*ANSWERS, "name = 'Zoë'"), ensure_ascii=False)
    path.write_bytes(text.encode("latin-1"))


def unknown_encoding(path: Path) -> None:
    """A script that declares an encoding which does not exist.

    File: ada.py
    Status: unreadable
    Graded: all missing
    Says: declares an encoding that is none; klingon
    """
    path.write_text(f"# coding: klingon\n{SCRIPT}")


def nul_bytes(path: Path) -> None:
    """A script with NUL bytes in it.

    File: ada.py
    Status: unreadable
    Graded: all missing
    Says: NUL
    """
    path.write_bytes(SCRIPT.encode() + b"\0\0\0\n")


def nul_in_a_cell(path: Path) -> None:
    """A notebook with a NUL character in one cell: that cell is lost, the others are not.

    File: ada.ipynb
    Status: graded
    Graded: all passed
    Says: cell 2; null
    """
    path.write_bytes(notebook(ANSWERS[0], "x = 1\0", *ANSWERS[1:]))


def windows_line_ends(path: Path) -> None:
    """A script with the line ends of Windows, a form feed and a tab or two.

    File: ada.py
    Status: graded
    Graded: all passed
    """
    path.write_bytes(SCRIPT.replace("\n", "\r\n").replace("    ", "\t").encode() + b"\r\n\f\r\n")


def old_mac_line_ends(path: Path) -> None:
    """A notebook whose cells have carriage returns for line ends.

    File: ada.ipynb
    Status: graded
    Graded: all passed
    """
    path.write_bytes(notebook(*(answer.replace("\n", "\r") for answer in ANSWERS)))


def half_a_character(path: Path) -> None:
    """A notebook with a lone surrogate in a text.

    File: ada.ipynb
    Status: graded
    Graded: all passed
    Says: half a character
    """
    path.write_bytes(notebook(*ANSWERS, "mood = '\ud83d'"))


def notebook_called_script(path: Path) -> None:
    """A notebook under the name of a script.

    File: ada.py
    Status: graded
    Graded: all passed
    Says: the file is a notebook, whatever its name says
    """
    path.write_bytes(notebook(*ANSWERS))


def script_called_notebook(path: Path) -> None:
    """A script under the name of a notebook.

    File: ada.ipynb
    Status: graded
    Graded: all passed
    Says: the file is a Python script, whatever its name says
    """
    path.write_text(SCRIPT)


def python_2(path: Path) -> None:
    """Code for Python 2.

    File: ada.py
    Status: graded
    Graded: all missing
    Says: SyntaxError; Missing parentheses in call to 'print'
    """
    path.write_text(f'{SCRIPT}\nprint "done"\n')
