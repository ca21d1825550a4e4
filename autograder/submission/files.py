"""The files that were given: in folders of any depth, and in archives of a whole class.

The files are strangers': a name may hold anything, and a file may be a link or a pipe. Nothing is
parsed here, and nothing is opened that could block.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from autograder.submission.class_archive import Member, MemberProblem, list_members, read_member
from autograder.submission.exports import authors
from autograder.submission.naming import has_ending, shown

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


@dataclass(frozen=True, slots=True)
class File:
    """A file below the folder `given`, or in the archive `given`, at the path `parts`.

    `member` is what the archive calls it, `None` for a file of its own; `modified` is when it was
    last changed, as the archive says (seconds since 1970).
    """

    given: Path
    parts: tuple[str, ...]
    problem: str = ""
    member: str | None = None
    modified: float = 0.0

    @property
    def path(self) -> Path:
        """The file to open: the archive, for a file in one."""
        return self.given if self.member is not None else self.given.joinpath(*self.parts)

    @property
    def name(self) -> str:
        """Its path below what was given."""
        return "/".join(self.parts)

    @property
    def place(self) -> str:
        """What is the same for one file that was given twice."""
        folder = os.path.join(os.path.realpath(self.path.parent), self.path.name)
        return folder if self.member is None else f"{folder}\0{self.member}"

    @property
    def spellings(self) -> tuple[str, str, str]:
        """Its name, short to long, for when several folders were given."""
        given = self.given.resolve()
        return self.name, f"{given.name}/{self.name}", f"{given.as_posix()}/{self.name}"


def list_files(paths: Sequence[Path]) -> list[File]:
    """List every file that may be a submission, each once, in order.

    Folders are searched recursively; files that end in `.ipynb`, `.py` or `.zip` count, hidden ones
    do not. A zip that was given itself and holds the files of several students, all named as a
    learning platform names them, counts as a folder of these files. Raises `ValueError` with one
    sentence for a path that does not exist or is none of them.
    """
    listed = list_members([path for path in paths if _is_archive(path)])
    found: dict[str, File] = {}
    for given in paths:
        in_class = _of_a_class(given, listed.get(given, []))
        for file in sorted(in_class or _files(given), key=lambda file: file.name):
            found.setdefault(file.place, file)
    return list(found.values())


def read_file(path: Path, member: str | None, max_bytes: int) -> bytes:
    """Read a regular file, or one in an archive, which may be at most so large.

    Raises `SubmissionProblem` with the reason where it cannot be read.
    """
    try:
        data = (
            _read_regular(path, max_bytes)
            if member is None
            else read_member(path, member, max_bytes)
        )
    except OSError as error:
        raise SubmissionProblem(reason(error)) from error
    except MemberProblem as error:
        raise SubmissionProblem(str(error)) from error
    if len(data) > max_bytes:
        raise SubmissionProblem(
            f"the file is larger than {_size(max_bytes)}: clear the outputs and save it again"
        )
    return data


def _read_regular(path: Path, max_bytes: int) -> bytes:
    """At most `max_bytes` + 1 of a file, as far as it is still the one that was looked at."""
    listed = os.lstat(path)
    check_kind(listed.st_mode)
    with os.fdopen(os.open(path, _OPEN_FLAGS), "rb") as stream:
        opened = os.fstat(stream.fileno())
        check_kind(opened.st_mode)
        if not os.path.samestat(listed, opened):
            raise SubmissionProblem("the file was replaced while it was being read")
        return stream.read(max_bytes + 1)


def _files(given: Path) -> Iterator[File]:
    try:
        is_folder = stat.S_ISDIR(os.stat(given).st_mode)
    except OSError as error:
        if not os.path.lexists(given):
            raise ValueError(f"{shown(str(given))}: there is no such file or folder") from error
        is_folder = False
    if is_folder:
        yield from _below(given)
    elif has_ending(given.name):
        yield File(given.parent, (given.name,))
    else:
        raise ValueError(
            f"{shown(str(given))} is not a submission: give .ipynb, .py or .zip files, or folders"
        )


def _below(given: Path) -> Iterator[File]:
    """All submissions below a folder; links to folders are not followed."""
    waiting: list[tuple[str, ...]] = [()]
    while waiting:
        folder = waiting.pop()
        try:
            with os.scandir(given.joinpath(*folder)) as entries:
                for entry in entries:
                    parts = (*folder, entry.name)
                    if _is_skipped(entry.name):
                        continue
                    if has_ending(entry.name):
                        yield File(given, parts)
                    elif entry.is_dir(follow_symlinks=False):
                        waiting.append(parts)
        except OSError as error:
            problem = f"the folder cannot be searched: {(error.strerror or str(error)).lower()}"
            if not folder:
                raise ValueError(f"{shown(str(given))}: {problem}") from error
            yield File(given, folder, problem)


def _of_a_class(archive: Path, members: Sequence[Member]) -> list[File]:
    """The files of an archive that holds those of several students; none for any other archive."""
    files = [
        File(archive, _parts(member.name), member=member.name, modified=member.modified)
        for member in members
        if has_ending(member.name) and not any(map(_is_skipped, _parts(member.name)))
    ]
    who = authors([file.parts for file in files])
    if None in who or len({author.key for author in who if author}) < 2:
        return []
    return files


def _is_archive(path: Path) -> bool:
    is_zip = path.name.lower().endswith(".zip")
    return is_zip and os.path.isfile(path) and not os.path.islink(path)


def _parts(name: str) -> tuple[str, ...]:
    return tuple(part for part in name.replace("\\", "/").split("/") if part)


def _is_skipped(name: str) -> bool:
    return (name.startswith(".") and name.strip(".") != "") or name in _SKIPPED


def check_kind(mode: int) -> None:
    """Make sure that a file is a regular one; `SubmissionProblem` says what it is instead."""
    if not stat.S_ISREG(mode):
        kind = _KINDS.get(stat.S_IFMT(mode), "not a regular file")
        raise SubmissionProblem(f"the submission is {kind}")


def reason(error: OSError) -> str:
    """Why a file cannot be read, as a clause."""
    if error.errno in (errno.ELOOP, errno.EMLINK):
        return f"the submission is {_KINDS[stat.S_IFLNK]}"
    return f"the file cannot be read: {(error.strerror or str(error)).lower()}"


def _size(limit: int) -> str:
    return f"{limit // 1024**2} MB" if limit >= 1024**2 else f"{limit} bytes"
