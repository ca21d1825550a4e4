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
from autograder.submission.naming import has_ending, is_handed_in, shown

_SKIPPED = ("__MACOSX", "__pycache__")  # and whatever starts with a dot
_OPEN_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_NOCTTY", 0)
    | getattr(os, "O_BINARY", 0)
)
_FOLDER_FLAGS = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0)
_REPORT = "moelab-files.sha256"  # in a folder that a report was written to
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
    last changed, as the archive says (seconds since 1970). `seen` tells the file that was listed
    from any other that takes its place (device and inode; empty where the system has none).
    """

    given: Path
    parts: tuple[str, ...]
    problem: str = ""
    member: str | None = None
    modified: float = 0.0
    seen: tuple[int, int] | None = None

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

    Folders are searched recursively, hidden files and reports left out. A zip that was given itself
    and holds the files of several students, all named as a learning platform names them, counts as
    a folder of these files, if only such zips were given: among students' files it is one of them.
    Raises `ValueError` with one sentence for a path that does not exist or is no submission.
    """
    classes: dict[Path, list[File]] = {}
    if all(map(_is_archive, paths)):
        listed = list_members(paths)
        classes = {given: _of_a_class(given, listed.get(given, [])) for given in paths}
    found: dict[str, File] = {}
    for given in paths:
        in_class = classes[given] if classes and all(classes.values()) else []
        for file in sorted(in_class or _files(given), key=lambda file: file.name):
            found.setdefault(file.place, file)
    return list(found.values())


def read_listed(file: File, max_bytes: int) -> bytes:
    """Read the file that was listed, and no other that has taken its place or that of a folder.

    Raises `SubmissionProblem` with the reason where it cannot be read.
    """
    if file.problem:
        raise SubmissionProblem(file.problem)
    if file.member is not None or os.open not in os.supports_dir_fd:
        return read_file(file.path, file.member, max_bytes)
    try:
        return _limited(_read_below(file, max_bytes), max_bytes)
    except OSError as error:
        raise SubmissionProblem(reason(error)) from error


def _read_below(file: File, max_bytes: int) -> bytes:
    """Open each folder of the path in the one before, so that none can be a link."""
    folder = os.open(file.given, _FOLDER_FLAGS)
    try:
        for part in file.parts[:-1]:
            below = os.open(part, _FOLDER_FLAGS | os.O_NOFOLLOW, dir_fd=folder)
            os.close(folder)
            folder = below
        last = file.parts[-1]
        check_kind(os.stat(last, dir_fd=folder, follow_symlinks=False).st_mode)
        with os.fdopen(os.open(last, _OPEN_FLAGS, dir_fd=folder), "rb") as stream:
            opened = os.fstat(stream.fileno())
            check_kind(opened.st_mode)
            if file.seen is not None and file.seen != (opened.st_dev, opened.st_ino):
                raise SubmissionProblem("the file was replaced after the submissions were listed")
            return stream.read(max_bytes + 1)
    finally:
        os.close(folder)


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
    return _limited(data, max_bytes)


def _limited(data: bytes, max_bytes: int) -> bytes:
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
    elif is_handed_in(given.name):
        yield File(given.parent, (given.name,))
    else:
        raise ValueError(
            f"{shown(str(given))} is not a submission: give .ipynb, .py or .zip files, or folders"
        )


def _below(given: Path) -> Iterator[File]:
    """All files below a folder that may belong to submissions; links to folders are not followed.

    Which platform wrote the folder decides which files these are: below it, all of a student's.
    """
    listed = list(_all_below(given))
    who = authors([(given.name, *file.parts) for file in listed], is_handed_in)
    for file, author in zip(listed, who, strict=True):
        if author is not None or file.problem or is_handed_in(file.parts[-1]):
            yield file


def _all_below(given: Path) -> Iterator[File]:
    waiting: list[tuple[str, ...]] = [()]
    while waiting:
        folder = waiting.pop()
        try:
            with os.scandir(given.joinpath(*folder)) as entries:
                inside = [entry for entry in entries if not _is_skipped(entry.name)]
            if folder and any(entry.name == _REPORT for entry in inside):
                continue
            for entry in inside:
                parts = (*folder, entry.name)
                if entry.is_dir(follow_symlinks=False) and not has_ending(entry.name):
                    waiting.append(parts)
                elif has_ending(entry.name) or entry.is_file(follow_symlinks=False):
                    seen = entry.stat(follow_symlinks=False)
                    yield File(given, parts, seen=(seen.st_dev, entry.inode()))
        except OSError as error:
            problem = f"the folder cannot be searched: {(error.strerror or str(error)).lower()}"
            if not folder:
                raise ValueError(f"{shown(str(given))}: {problem}") from error
            yield File(given, folder, problem)


def _of_a_class(archive: Path, members: Sequence[Member]) -> list[File]:
    """The files of an archive that holds those of several students; none for any other archive."""
    files = [
        File(archive, parts, member=member.name, modified=member.modified)
        for member in members
        if (parts := _parts(member.name)) and not any(map(_is_skipped, parts))
    ]
    who = authors([file.parts for file in files], is_handed_in)
    known = [(file, author) for file, author in zip(files, who, strict=True) if author is not None]
    handed_in = sum(is_handed_in(file.parts[-1]) for file in files)
    if len({author.key for _, author in known}) < 2 or handed_in != sum(
        is_handed_in(file.parts[-1]) for file, _ in known
    ):
        return []
    return [file for file, _ in known]


def _is_archive(path: Path) -> bool:
    is_zip = path.name.lower().endswith(".zip")
    return is_zip and os.path.isfile(path) and not os.path.islink(path)


def _parts(name: str) -> tuple[str, ...]:
    return tuple(part for part in name.replace("\\", "/").split("/") if part not in ("", ".", ".."))


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
