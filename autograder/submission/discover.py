"""Finding submissions: whose each file is, and which of a student's files counts."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from autograder.submission.exports import Author, Submitters, authors, gradescope_folder
from autograder.submission.files import (
    File,
    SubmissionProblem,
    check_kind,
    list_files,
    read_file,
    reason,
)
from autograder.submission.gradescope import MAX_METADATA, METADATA, read_submitters
from autograder.submission.naming import student_names, submission_names

MAX_BYTES = 64 * 1024 * 1024
MAX_COMPANIONS = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Companion:
    """A file handed in beside the one that is graded; `name` is its path in the folder of that."""

    path: Path
    name: str
    member: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One file that was handed in.

    `name` is its path relative to the folder that was given, with `/`; `problem` says why it cannot
    be read ("" where it can), `modified` when it was last changed (seconds since 1970), and
    `superseded_by` names the same student's newer submission, which counts ("" for none). `member`
    is its name in the class's archive `path`, `None` for a file of its own. `late` and `identity`
    are what a learning platform says: that it came late, and how it knows the students.
    `companions` are the files that were handed in with it, and `notes` sentences on them.
    """

    path: Path
    name: str
    student: str
    problem: str = ""
    modified: float = 0.0
    superseded_by: str = ""
    member: str | None = None
    late: bool = False
    identity: tuple[str, ...] = ()
    companions: tuple[Companion, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def file_name(self) -> str:
        """The file's own name, which tells by its ending what kind it is."""
        return self.path.name if self.member is None else self.name.rpartition("/")[2]


def find_submissions(paths: Sequence[Path]) -> list[Found]:
    """List every submission in files, folders and archives of a class: see `list_files`.

    Those are listed too that cannot be read. Raises `ValueError` with one sentence.
    """
    files = list_files([Path(path) for path in paths])
    names = submission_names([file.spellings for file in files])
    who = authors([(file.given.name, *file.parts) for file in files], _submitters(files))
    students = student_names(names, who)
    found = [
        _found(file, name, student, author)
        for file, name, student, author in zip(files, names, students, who, strict=True)
    ]
    return _with_newest(found, who)


def read_bytes(found: Found, *, max_bytes: int = MAX_BYTES) -> bytes:
    """Read a submission, as far as it is still the regular file that was listed.

    Raises `SubmissionProblem` with the reason where it cannot be read.
    """
    if found.problem:
        raise SubmissionProblem(found.problem)
    return read_file(found.path, found.member, max_bytes)


def read_companions(found: Found) -> dict[str, bytes]:
    """What was handed in with a submission, by path in its folder; what cannot be read is left out.

    All together are no larger than `MAX_COMPANIONS` bytes.
    """
    left = MAX_COMPANIONS
    read: dict[str, bytes] = {}
    for companion in found.companions:
        try:
            data = read_file(companion.path, companion.member, left)
        except SubmissionProblem:
            continue
        read[companion.name] = data
        left -= len(data)
    return read


def digest_of(found: Found, data: bytes) -> str:
    """The name of all that decides a submission's grade: its contents, companions and notes."""
    if not found.companions and not found.notes:
        return digest_of_bytes(data)
    whole = hashlib.sha256(data)
    for name, content in sorted(read_companions(found).items()):
        whole.update(f"\0{name}\0{hashlib.sha256(content).hexdigest()}".encode())
    whole.update("\0".join(("", *found.notes)).encode("utf-8", "replace"))
    return f"sha256:{whole.hexdigest()}"


def digest_of_bytes(data: bytes) -> str:
    """The name of a submission's contents, `sha256:…`."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _submitters(files: Sequence[File]) -> dict[str, Submitters]:
    """Who handed in Gradescope's submissions, from the metadata beside their folders."""
    beside: dict[tuple[Path, str | None], None] = {}
    for file in files:
        place = gradescope_folder((file.given.name, *file.parts))
        if place is None:
            continue
        above = file.parts[: max(place - 1, 0)]
        if file.member is not None:
            beside[file.given, "/".join((*above, METADATA))] = None
        else:
            folder = file.given.joinpath(*above) if place else file.given.parent
            beside[folder / METADATA, None] = None
    known: dict[str, Submitters] = {}
    for path, member in beside:
        try:
            known |= read_submitters(read_file(path, member, MAX_METADATA))
        except SubmissionProblem:
            continue
    return known


def _found(file: File, name: str, student: str, author: Author | None) -> Found:
    problem, modified = file.problem, 0.0
    try:
        status = os.lstat(file.path)
        modified = status.st_mtime
        if not problem:
            check_kind(status.st_mode)
            if not os.access(file.path, os.R_OK):
                problem = "the file cannot be read: permission denied"
    except OSError as error:
        problem = reason(error)
    except SubmissionProblem as error:
        problem = str(error)
    return Found(
        path=file.path,
        name=name,
        student=student,
        problem=problem,
        modified=modified if file.member is None else file.modified,
        member=file.member,
        late=author is not None and author.late,
        identity=(author.key, *author.also) if author else (),
    )


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
