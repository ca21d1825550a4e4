"""Finding submissions: whose each file is, and which of a student's files counts."""

from __future__ import annotations

import hashlib
import os
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from autograder.submission.exports import Author, Submitters, authors, named
from autograder.submission.files import (
    File,
    SubmissionProblem,
    check_kind,
    list_files,
    read_file,
    read_listed,
    reason,
)
from autograder.submission.gradescope import MAX_METADATA, METADATA, read_submitters
from autograder.submission.naming import is_handed_in, student_names, submission_names
from autograder.text import moment

MAX_BYTES = 64 * 1024 * 1024
MAX_COMPANIONS = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Companion:
    """A file handed in beside the one that is graded; `name` is its path in the folder of that."""

    file: File
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One file that was handed in.

    `name` is its path relative to the folder that was given, with `/`; `problem` says why it cannot
    be read ("" where it can), `modified` when it was last changed (seconds since 1970), and
    `superseded_by` names the same student's newer submission, which counts ("" for none). `member`
    is its name in the class's archive `path`, `None` for a file of its own. `late` and `identity`
    are what a learning platform says: that it came late, and how it knows the students.
    `companions` are the files that were handed in with it, and `notes` sentences on them. Files of
    one submission have the same `group` ("" for a file that is one alone) and paths `inner` in it.
    `file` is where it was listed, and `warning` a sentence on the whole export. `submitted` is when
    it was handed in, where the platform says so.
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
    group: str = ""
    inner: str = ""
    order: int = 0
    file: File | None = None
    warning: str = ""
    submitted: datetime | None = None

    @property
    def file_name(self) -> str:
        """The file's own name, which tells by its ending what kind it is."""
        return self.path.name if self.member is None else self.name.rpartition("/")[2]


def find_submissions(paths: Sequence[Path]) -> list[Found]:
    """List every file that was handed in, in files, folders and archives of a class.

    Those are listed too that cannot be read. Of the files of one submission `counting` says which
    one is graded. Raises `ValueError` with one sentence.
    """
    files = list_files([Path(path) for path in paths])
    names = submission_names([file.spellings for file in files])
    who, warnings = _authors(files)
    students = student_names(names, who)
    return [
        _found(file, name, student, author, warnings.get(author.key, "") if author else "")
        for file, name, student, author in zip(files, names, students, who, strict=True)
    ]


def read_bytes(found: Found, *, max_bytes: int = MAX_BYTES) -> bytes:
    """Read a submission, as far as it is still the regular file that was listed.

    Raises `SubmissionProblem` with the reason where it cannot be read.
    """
    if found.problem:
        raise SubmissionProblem(found.problem)
    if found.file is not None:
        return read_listed(found.file, max_bytes)
    return read_file(found.path, found.member, max_bytes)


def read_companions(found: Found) -> dict[str, bytes]:
    """What was handed in with a submission, by path in its folder; what cannot be read is left out.

    All together are no larger than `MAX_COMPANIONS` bytes.
    """
    left = MAX_COMPANIONS
    read: dict[str, bytes] = {}
    for companion in found.companions:
        try:
            data = read_listed(companion.file, left)
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


def _authors(files: Sequence[File]) -> tuple[list[Author | None], dict[str, str]]:
    """Who handed each file in, and what to warn of, by the key of the author."""
    by_given: defaultdict[Path, list[int]] = defaultdict(list)
    for number, file in enumerate(files):
        by_given[file.given].append(number)
    found: list[Author | None] = [None] * len(files)
    warnings: dict[str, str] = {}
    for given, numbers in by_given.items():
        above = () if files[numbers[0]].member is not None else (given.name,)
        paths = [(*above, *files[number].parts) for number in numbers]
        for number, author in zip(numbers, authors(paths, is_handed_in), strict=True):
            found[number] = author
        _name_submitters([files[number] for number in numbers], numbers, found, warnings)
    return found, warnings


def _name_submitters(
    files: Sequence[File],
    numbers: Sequence[int],
    found: list[Author | None],
    warnings: dict[str, str],
) -> None:
    """Put the names of Gradescope's metadata, which lies beside the folders of submissions."""
    known: dict[tuple[str, ...], tuple[dict[str, Submitters], str]] = {}
    for file, number in zip(files, numbers, strict=True):
        author = found[number]
        if author is None or not author.key.startswith("gradescope "):
            continue
        above = 0 if file.member is not None else 1
        if author.depth < above:
            folder: tuple[str, ...] = ("",)
            beside = File(file.given.parent, (METADATA,))
        else:
            folder = file.parts[: author.depth - above]
            member = "/".join((*folder, METADATA)) if file.member is not None else None
            beside = File(file.given, (*folder, METADATA), member=member)
        if folder not in known:
            known[folder] = _read_metadata(beside)
        submitters, warning = known[folder]
        found[number] = named(author, submitters)
        if warning:
            warnings[author.key] = warning


def _read_metadata(file: File) -> tuple[dict[str, Submitters], str]:
    if file.member is None and not os.path.lexists(file.path):
        return {}, ""
    why = "it holds no names as Gradescope writes them"
    try:
        if submitters := read_submitters(read_listed(file, MAX_METADATA)):
            return submitters, ""
    except SubmissionProblem as problem:
        why = str(problem)
    return {}, f"{METADATA} could not be read, so students go by their folders' names: {why}"


def _found(file: File, name: str, student: str, author: Author | None, warning: str) -> Found:
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
    identity = (author.key, *author.also) if author else ()
    return Found(
        path=file.path,
        name=name,
        student=student,
        problem=problem,
        modified=modified if file.member is None else file.modified,
        member=file.member,
        late=author is not None and author.late,
        identity=identity,
        group=f"{file.given}\0{author.key}" if author else "",
        inner=author.inner if author else "",
        order=author.order if author else 0,
        file=file,
        warning=warning,
        notes=(warning,) if warning else (),
        submitted=moment(author.submitted) if author else None,
    )
