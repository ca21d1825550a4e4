"""Finding submissions in files and folders, and reading their bytes.

The files are strangers': a name may hold anything, and a file may be a link or a pipe. Nothing is
parsed here, and nothing is opened that could block.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from autograder.submission.exports import Author, authors
from autograder.submission.naming import has_ending, shown, student_names, submission_names

MAX_BYTES = 64 * 1024 * 1024

_SKIPPED = ("__MACOSX", "__pycache__")  # and whatever starts with a dot
_OPEN_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_NOCTTY", 0)
    | getattr(os, "O_BINARY", 0)
)
_KINDS = {
    stat.S_IFLNK: "a link, which is not followed",
    stat.S_IFDIR: "a folder, not a file",
    stat.S_IFIFO: "a pipe, not a file",
    stat.S_IFSOCK: "a socket, not a file",
    stat.S_IFCHR: "a device, not a file",
    stat.S_IFBLK: "a device, not a file",
}


class SubmissionProblem(Exception):  # noqa: N818
    """A file that cannot be taken as a submission; the message is a clause that says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One file that was handed in.

    `name` is its path relative to the folder that was given, with `/`; `problem` says why it cannot
    be read ("" where it can), `modified` when it was last changed (seconds since 1970), and
    `superseded_by` names the same student's newer submission, which counts ("" for none).
    """

    path: Path
    name: str
    student: str
    problem: str = ""
    modified: float = 0.0
    superseded_by: str = ""


@dataclass(frozen=True, slots=True)
class _File:
    """A file below the folder `given`, at the path `parts`."""

    given: Path
    parts: tuple[str, ...]
    problem: str = ""

    @property
    def path(self) -> Path:
        return self.given.joinpath(*self.parts)

    @property
    def name(self) -> str:
        return "/".join(self.parts)

    @property
    def spellings(self) -> tuple[str, str, str]:
        """Its name, short to long, for when several folders were given."""
        given = self.given.resolve()
        return self.name, f"{given.name}/{self.name}", f"{given.as_posix()}/{self.name}"


def find_submissions(paths: Sequence[Path]) -> list[Found]:
    """List every submission in files and folders, in sorted order, those too that cannot be read.

    Folders are searched recursively; files that end in `.ipynb`, `.py` or `.zip` count, hidden ones
    do not. Raises `ValueError` with one sentence for a path that does not exist or is none of them.
    """
    files: dict[str, _File] = {}
    for given in paths:
        for file in sorted(_files(Path(given)), key=lambda file: file.name):
            place = os.path.join(os.path.realpath(file.path.parent), file.parts[-1])
            files.setdefault(place, file)
    names = submission_names([file.spellings for file in files.values()])
    who = authors([(file.given.name, *file.parts) for file in files.values()])
    students = student_names(names, who)
    found = [
        _found(file, name, student)
        for file, name, student in zip(files.values(), names, students, strict=True)
    ]
    return _with_newest(found, who)


def read_bytes(found: Found, *, max_bytes: int = MAX_BYTES) -> bytes:
    """Read a submission, as far as it is still the regular file that was listed.

    Raises `SubmissionProblem` with the reason where it cannot be read.
    """
    if found.problem:
        raise SubmissionProblem(found.problem)
    try:
        listed = os.lstat(found.path)
        _check_kind(listed.st_mode)
        descriptor = os.open(found.path, _OPEN_FLAGS)
    except OSError as error:
        raise SubmissionProblem(_reason(error)) from error
    with os.fdopen(descriptor, "rb") as stream:
        opened = os.fstat(stream.fileno())
        _check_kind(opened.st_mode)
        if not os.path.samestat(listed, opened):
            raise SubmissionProblem("the file was replaced while it was being read")
        try:
            data = stream.read(max_bytes + 1)
        except OSError as error:
            raise SubmissionProblem(_reason(error)) from error
    if len(data) > max_bytes:
        raise SubmissionProblem(
            f"the file is larger than {_size(max_bytes)}: clear the outputs and save it again"
        )
    return data


def digest_of_bytes(data: bytes) -> str:
    """The name of a submission's contents, `sha256:…`."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _files(given: Path) -> Iterator[_File]:
    try:
        is_folder = stat.S_ISDIR(os.stat(given).st_mode)
    except OSError as error:
        if not os.path.lexists(given):
            raise ValueError(f"{shown(str(given))}: there is no such file or folder") from error
        is_folder = False
    if is_folder:
        yield from _below(given)
    elif has_ending(given.name):
        yield _File(given.parent, (given.name,))
    else:
        raise ValueError(
            f"{shown(str(given))} is not a submission: give .ipynb, .py or .zip files, or folders"
        )


def _below(given: Path) -> Iterator[_File]:
    """All submissions below a folder; links to folders are not followed."""
    waiting: list[tuple[str, ...]] = [()]
    while waiting:
        folder = waiting.pop()
        try:
            with os.scandir(given.joinpath(*folder)) as entries:
                for entry in entries:
                    parts = (*folder, entry.name)
                    if entry.name.startswith(".") or entry.name in _SKIPPED:
                        continue
                    if has_ending(entry.name):
                        yield _File(given, parts)
                    elif entry.is_dir(follow_symlinks=False):
                        waiting.append(parts)
        except OSError as error:
            problem = f"the folder cannot be searched: {(error.strerror or str(error)).lower()}"
            if not folder:
                raise ValueError(f"{shown(str(given))}: {problem}") from error
            yield _File(given, folder, problem)


def _found(file: _File, name: str, student: str) -> Found:
    problem, modified = file.problem, 0.0
    try:
        status = os.lstat(file.path)
        modified = status.st_mtime
        if not problem:
            _check_kind(status.st_mode)
            if not os.access(file.path, os.R_OK):
                problem = "the file cannot be read: permission denied"
    except OSError as error:
        problem = _reason(error)
    except SubmissionProblem as error:
        problem = str(error)
    return Found(path=file.path, name=name, student=student, problem=problem, modified=modified)


def _with_newest(found: Sequence[Found], who: Sequence[Author | None]) -> list[Found]:
    """Say of each student's older submissions which one replaces them.

    Newest is the highest attempt that an export tells, else the latest time; of files that came
    together, the notebook.
    """
    newest: dict[str, tuple[tuple[bool, int, int, bool, str], str]] = {}
    for one, author in zip(found, who, strict=True):
        if author:
            notebook = one.name.lower().endswith(".ipynb")
            rank = (not one.problem, author.attempt, int(one.modified), notebook, one.name)
            newest[author.key] = max(newest.get(author.key, (rank, one.name)), (rank, one.name))
    return [
        replace(one, superseded_by=newest[author.key][1])
        if author and newest[author.key][1] != one.name
        else one
        for one, author in zip(found, who, strict=True)
    ]


def _check_kind(mode: int) -> None:
    if not stat.S_ISREG(mode):
        kind = _KINDS.get(stat.S_IFMT(mode), "not a regular file")
        raise SubmissionProblem(f"the submission is {kind}")


def _reason(error: OSError) -> str:
    if error.errno in (errno.ELOOP, errno.EMLINK):
        return f"the submission is {_KINDS[stat.S_IFLNK]}"
    return f"the file cannot be read: {(error.strerror or str(error)).lower()}"


def _size(limit: int) -> str:
    return f"{limit // 1024**2} MB" if limit >= 1024**2 else f"{limit} bytes"
