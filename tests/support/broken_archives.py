"""Archives: bombs, passwords, links, paths that lead elsewhere, and what tools add to them."""

from __future__ import annotations

import io
import stat
import struct
import tarfile
import zipfile
import zlib
from pathlib import Path

from broken_suite import ANSWERS, SCRIPT, notebook

ANSWER = notebook(*ANSWERS)


def _zip(path: Path, *entries: tuple[str | zipfile.ZipInfo, bytes]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries:
            archive.writestr(name, data)


def otter_export(path: Path) -> None:
    """What Otter's `grader.export()` packs: the notebook, a PDF and its log, which is a pickle.

    File: lab_2026_11_23T15_31_00_123456.zip
    Status: graded
    Graded: all passed
    """
    pickle_bomb = b"cposix\nsystem\n(S'touch /tmp/unpickled'\ntR."
    _zip(
        path,
        ("lab.ipynb", ANSWER),
        ("lab.pdf", b"%PDF-1.7"),
        (".OTTER_LOG", pickle_bomb),
        ("__zip_filename__", b"lab_2026_11_23T15_31_00_123456.zip"),
    )


def mac_archive(path: Path) -> None:
    """What a Mac packs: the notebook in a folder, and `__MACOSX` with a shadow of it.

    File: ada.zip
    Status: graded
    Graded: all passed
    """
    shadow = b"\0\x05\x16\x07\0\x02\0\0Mac OS X" + b"\0" * 60
    _zip(
        path,
        ("lab/", b""),
        ("lab/lab.ipynb", ANSWER),
        ("lab/.DS_Store", b"\0\0\0\1Bud1"),
        ("__MACOSX/lab/._lab.ipynb", shadow),
        ("lab/.ipynb_checkpoints/lab-checkpoint.ipynb", notebook("old = True")),
    )


def several_notebooks(path: Path) -> None:
    """A draft and the answers in one archive: the notebook with the functions counts.

    File: ada.zip
    Status: graded
    Graded: all passed
    """
    _zip(path, ("draft.ipynb", notebook("pass")), ("final.ipynb", ANSWER))


def notebook_and_helper(path: Path) -> None:
    """A notebook with a module of the student's own, which it imports.

    File: ada.zip
    Status: graded
    Graded: all passed
    """
    helper = "import torch\ndef count(i, n): return torch.bincount(i.flatten(), minlength=n)\n"
    load = "from helpers import count\ndef expert_load(i, n): return count(i, n) / i.numel()\n"
    _zip(
        path,
        ("lab.ipynb", notebook(ANSWERS[0], load, *ANSWERS[2:])),
        ("helpers.py", helper.encode()),
    )


def script_in_an_archive(path: Path) -> None:
    """A script alone in an archive.

    File: ada.zip
    Status: graded
    Graded: all passed
    """
    _zip(path, ("src/lab.py", SCRIPT.encode()))


def no_notebook(path: Path) -> None:
    """An archive with a report and data, but nothing to grade.

    File: ada.zip
    Status: unreadable
    Graded: all missing
    Says: without a notebook or a Python file
    """
    _zip(path, ("report.pdf", b"%PDF-1.7"), ("data.csv", b"a,b\n1,2\n"))


def empty_archive(path: Path) -> None:
    """An archive of nothing.

    File: ada.zip
    Status: unreadable
    Graded: all missing
    Says: an empty archive
    """
    _zip(path)


def archive_in_an_archive(path: Path) -> None:
    """A notebook in an archive in an archive.

    File: ada.zip
    Status: unreadable
    Graded: all missing
    Says: an archive inside an archive
    """
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("lab.ipynb", ANSWER)
    _zip(path, ("inner.zip", inner.getvalue()))


def word_document(path: Path) -> None:
    """A Word document, renamed: underneath, an archive.

    File: ada.ipynb
    Status: unreadable
    Graded: all missing
    Says: an office document
    """
    _zip(path, ("[Content_Types].xml", b"<Types/>"), ("word/document.xml", b"<w:document/>"))


def rar_archive(path: Path) -> None:
    """A RAR archive called zip.

    File: ada.zip
    Status: unreadable
    Graded: all missing
    Says: a RAR archive; zip
    """
    path.write_bytes(b"Rar!\x1a\x07\x01\x00" + b"\x33\x92\xb5\xe5\x0a\x01\x05\x06" * 20)


def tar_archive(path: Path) -> None:
    """A tar archive called zip.

    File: ada.zip
    Status: unreadable
    Graded: all missing
    Says: a tar archive; zip
    """
    with tarfile.open(path, "w") as archive:
        entry = tarfile.TarInfo("lab.ipynb")
        entry.size = len(ANSWER)
        archive.addfile(entry, io.BytesIO(ANSWER))


def damaged_archive(path: Path) -> None:
    """An archive whose upload broke off.

    File: ada.zip
    Status: unreadable
    Graded: all missing
    Says: a damaged zip archive
    """
    _zip(path, ("lab.ipynb", ANSWER))
    path.write_bytes(path.read_bytes()[:-40])


def wrong_checksum(path: Path) -> None:
    """An archive in which one byte of the notebook has changed.

    File: ada.zip
    Status: unreadable
    Graded: all missing
    Says: a damaged zip archive
    """
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("lab.ipynb", ANSWER)
    path.write_bytes(path.read_bytes().replace(b"bincount", b"bincounT", 1))


def declared_bomb(path: Path) -> None:
    """A small archive of a notebook that says it is 200 MB large, and is.

    File: ada.zip
    Status: unreadable
    Graded: all missing
    Says: lab.ipynb is larger than 67,108,864 bytes
    """
    _zip(path, ("lab.ipynb", b"\0" * (200 << 20)))


def lying_bomb(path: Path) -> None:
    """A small archive of a notebook that says it is small, and is 200 MB large.

    File: ada.zip
    Status: unreadable
    Graded: all missing
    Says: damaged zip archive
    """
    pack = zlib.compressobj(9, zlib.DEFLATED, -15)
    data = pack.compress(b" " * (200 << 20)) + pack.flush()
    name, size, said = b"lab.ipynb", len(data), 1000
    head = struct.pack("<HHHHHIIIHH", 20, 0, 8, 0, 33, 0, size, said, len(name), 0)
    entry = b"PK\x03\x04" + head + name + data
    rest = struct.pack("<HHHHHHIIIHHHHHII", 20, 20, 0, 8, 0, 33, 0, size, said, 9, 0, 0, 0, 0, 0, 0)
    directory = b"PK\x01\x02" + rest + name
    end = struct.pack("<HHHHIIH", 0, 0, 1, 1, len(directory), len(entry), 0)
    path.write_bytes(entry + directory + b"PK\x05\x06" + end)


def thousands_of_entries(path: Path) -> None:
    """An archive of a whole virtual environment.

    File: ada.zip
    Status: unreadable
    Graded: all missing
    Says: more than 2,000 files
    """
    _zip(path, ("lab.ipynb", ANSWER), *((f"venv/lib/{n}.txt", b"") for n in range(2_500)))


def paths_that_lead_out(path: Path) -> None:
    """An archive whose only notebook wants to be unpacked somewhere else.

    File: ada.zip
    Status: graded
    Graded: all passed
    """
    _zip(path, ("../../../../tmp/moelab-traversal.ipynb", ANSWER))


def absolute_path(path: Path) -> None:
    """An archive with an absolute path, and one of Windows, beside the script.

    File: ada.zip
    Status: graded
    Graded: all passed
    """
    _zip(path, ("/etc/lab.py", SCRIPT.encode()), ("C:\\Users\\ada\\notes.txt", b"notes"))


def link_in_an_archive(path: Path) -> None:
    """An archive whose notebook is a link to a file of the grader.

    File: ada.zip
    Status: unreadable
    Graded: all missing
    Says: lab.ipynb is a link
    """
    link = zipfile.ZipInfo("lab.ipynb")
    link.create_system = 3
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    _zip(path, (link, b"/etc/passwd"))


def folder_called_notebook(path: Path) -> None:
    """An archive with a folder called `lab.ipynb` and the script in it.

    File: ada.zip
    Status: graded
    Graded: all passed
    """
    _zip(path, ("lab.ipynb/", b""), ("lab.ipynb/lab.py", SCRIPT.encode()))


def password(path: Path) -> None:
    """An archive with a password.

    File: ada.zip
    Status: unreadable
    Graded: all missing
    Says: with a password
    """
    _zip(path, ("lab.ipynb", ANSWER))
    data = bytearray(path.read_bytes())
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(mark) + offset] |= 1
    path.write_bytes(data)


def archive_called_notebook(path: Path) -> None:
    """An archive under the name of a notebook.

    File: ada.ipynb
    Status: graded
    Graded: all passed
    """
    _zip(path, ("lab.ipynb", ANSWER))


def notebook_called_archive(path: Path) -> None:
    """A notebook under the name of an archive.

    File: ada.zip
    Status: graded
    Graded: all passed
    Says: the file is a notebook, whatever its name says
    """
    path.write_bytes(ANSWER)
