"""The codes that are compared: of a gradebook, or of a folder of submissions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from autograder.records import ClassGrades, Outcome
from autograder.submission.code import bare_codes, functions_of
from autograder.submission.discover import find_submissions, read_bytes
from autograder.submission.files import SubmissionProblem

Behaviour = tuple[str, str, str]  # an exercise, the title of a check, and what went wrong there

_WRONG = frozenset({Outcome.FAILED, Outcome.ERROR})


@dataclass(frozen=True, slots=True, kw_only=True)
class Author:
    """One student's codes by exercise: as written, and `bare` as they are compared.

    `wrong` is how checks failed. `earlier` is who belongs to an earlier class.
    """

    student: str
    submission: str
    codes: Mapping[str, str]
    bare: Mapping[str, str] = field(default_factory=dict)
    wrong: frozenset[Behaviour] = frozenset()
    earlier: str = ""


def authors_of_grades(class_grades: ClassGrades, earlier: str = "") -> list[Author]:
    """The students of a class whose submissions count, with the code that was kept of them."""
    return [
        Author(
            student=grade.student,
            submission=grade.submission,
            codes={one.name: one.code for one in grade.exercises if one.code},
            wrong=frozenset(
                (one.name, check.title, f"{check.message}\n{check.evidence.got}")
                for one in grade.exercises
                for check in one.judged
                if check.outcome in _WRONG and check.evidence is not None
            ),
            earlier=earlier,
        )
        for grade in class_grades.counting
        if any(one.code for one in grade.exercises)
    ]


def authors_of_folder(path: Path, wanted: Sequence[str] = (), earlier: str = "") -> list[Author]:
    """The students of a folder of submissions; raises `ValueError` with one sentence.

    Where a student has several files, each function is that of the last file that has one.
    """
    files, owners = [], []
    for found in find_submissions([path]):
        try:
            files.append((found.file_name, read_bytes(found)))
        except SubmissionProblem:
            continue
        owners.append(found)
    by_student: dict[str, Author] = {}
    for found, codes in zip(owners, functions_of(files, wanted), strict=True):
        before = by_student.get(found.student)
        known = before.codes if before else {}
        by_student[found.student] = Author(
            student=found.student,
            submission=found.name,
            codes={**known, **codes},
            earlier=earlier,
        )
    return [one for one in by_student.values() if one.codes]


def with_bare_codes(authors: Sequence[Author]) -> list[Author]:
    """The authors with their codes as they are compared; equal codes are worked out once."""
    texts = list(dict.fromkeys(code for one in authors for code in one.codes.values()))
    bare = dict(zip(texts, bare_codes(texts), strict=True))
    return [
        Author(
            student=one.student,
            submission=one.submission,
            codes=one.codes,
            bare={name: bare[code] for name, code in one.codes.items() if bare[code]},
            wrong=one.wrong,
            earlier=one.earlier,
        )
        for one in authors
    ]


def rare(authors: Sequence[Author], share: float) -> frozenset[Behaviour]:
    """The ways to be wrong that several of the class show, but no more than a share of it."""
    own = [one for one in authors if not one.earlier]
    times = Counter(way for one in own for way in one.wrong)
    most = max(3.0, share * len(own))
    return frozenset(way for way, number in times.items() if 2 <= number <= most)
