"""Files that cannot be opened, are no files, have odd names, or come twice."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from broken_suite import ANSWERS, SCRIPT, notebook

ANSWER = notebook(*ANSWERS)


def no_permission(path: Path) -> None:
    """A file that the grader may not read.

    File: ada.ipynb
    Status: unreadable
    Graded: all missing
    Says: permission denied
    Needs: ordinary user
    """
    path.write_bytes(ANSWER)
    path.chmod(0)


def folder_called_submission(path: Path) -> None:
    """A folder with the name of a notebook, and the notebook in it.

    File: ada.ipynb
    Status: unreadable
    Graded: all missing
    Says: a folder, not a file
    """
    path.mkdir()
    (path / "lab.ipynb").write_bytes(ANSWER)


def pipe(path: Path) -> None:
    """A named pipe, which would block whoever opens it.

    File: ada.ipynb
    Status: unreadable
    Graded: all missing
    Says: a pipe, not a file
    """
    os.mkfifo(path)


def bound_socket(path: Path) -> None:
    """A socket.

    File: ada.py
    Status: unreadable
    Graded: all missing
    Says: a socket, not a file
    """
    before = Path.cwd()
    os.chdir(path.parent)  # the address of a socket may not be long
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path.name)
    os.chdir(before)


def link(path: Path) -> None:
    """A link to a file that is none of the student's.

    File: ada.ipynb
    Status: unreadable
    Graded: all missing
    Says: a link, which is not followed
    """
    path.symlink_to("/etc/passwd")


def broken_link(path: Path) -> None:
    """A link to nothing.

    File: ada.py
    Status: unreadable
    Graded: all missing
    Says: a link, which is not followed
    """
    path.symlink_to("nowhere.py")


def link_to_itself(path: Path) -> None:
    """A link to itself.

    File: ada.zip
    Status: unreadable
    Graded: all missing
    Says: a link, which is not followed
    """
    path.symlink_to(path.name)


def odd_name(path: Path) -> None:
    """A name with spaces, quotes, an emoji, right-to-left letters and a formula.

    File: Ada's "lab" 😀 مرحبا =cmd|calc.ipynb
    Status: graded
    Graded: all passed
    """
    path.write_bytes(ANSWER)


def name_of_other_bytes(path: Path) -> None:
    """A name in Latin-1, which is no valid text here.

    File: zoe.py
    Status: graded
    Graded: all passed
    """
    with open(os.fsencode(path.parent) + b"/zo\xeb.py", "w", encoding="utf-8") as file:
        file.write(SCRIPT)


def long_name(path: Path) -> None:
    """A name of 255 bytes, the longest that there is.

    File: LONG.ipynb
    Status: graded
    Graded: all passed
    """
    path.with_name("a" * 249 + ".ipynb").write_bytes(ANSWER)


def capital_ending(path: Path) -> None:
    """An ending in capitals.

    File: ADA.IPYNB
    Status: graded
    Graded: all passed
    """
    path.write_bytes(ANSWER)


def name_like_an_option(path: Path) -> None:
    """A name like an option of a command.

    File: --help.py
    Status: graded
    Graded: all passed
    """
    path.write_text(SCRIPT)


def two_of_one_student(path: Path) -> None:
    """Two files of one student in an export of Canvas: both are graded, the newer one counts.

    File: lovelaceada_4711_100_lab.ipynb
    Status: graded
    Graded: all passed
    """
    path.write_bytes(ANSWER)
    (path.parent / "lovelaceada_4711_101_lab-1.ipynb").write_bytes(notebook("pass"))
