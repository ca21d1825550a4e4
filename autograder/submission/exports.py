"""What the exports of learning platforms say about a file: whose it is, and which attempt.

The patterns are what the platforms write: Canvas `lib/content_zipper.rb` (`get_filename`,
`add_upload_submission`), Moodle's "Download all submissions" with and without folders, Gradescope's
"Export submissions", whose folders are the keys of its `submission_metadata.yml`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

# lovelaceada_LATE_123_4567_lab.ipynb: sortable name in lower case, user id, attachment id.
_CANVAS = re.compile(
    r"(?P<who>[^\W_]\w*?)(?P<late>_LATE)?_(?P<user>[1-9]\d*)_(?P<attempt>[1-9]\d*)_.+", re.DOTALL
)
# Anonymous grading: anon_ and five letters or digits in the place of name and user id.
_CANVAS_ANONYMOUS = re.compile(
    r"(?P<late>LATE_)?(?P<who>anon_[0-9A-Za-z]{5})_(?P<attempt>[1-9]\d*)_.+", re.DOTALL
)
# Ada Lovelace_4711_assignsubmission_file_/lab.ipynb, or all of it in one file name.
_MOODLE = re.compile(r"(?P<who>.+?)_(?P<user>\d+)_assignsubmission_file(?:_.*)?", re.DOTALL)
_GRADESCOPE = re.compile(r"submission_(?P<user>\d{5,})")
# lab_2026_11_23T15_31_00_123456.zip: Otter's grader.export(); says nothing about a student.
_OTTER = re.compile(
    r"(?P<stem>.+)_\d{4}_\d{2}_\d{2}T\d{2}_\d{2}_\d{2}_\d{6}(?: ?\(\d+\))?\.zip", re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Author:
    """Who handed a file in, as an export says: `name` to show, `key` to tell people apart.

    `also` are further ways to know them (`email ada@example.org`, `id S123`), of each member where
    a group handed in together.
    """

    name: str
    key: str
    attempt: int = 0
    late: bool = False
    also: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Submitters:
    """Who handed in a Gradescope submission, as `submission_metadata.yml` says."""

    name: str
    also: tuple[str, ...]


def authors(
    paths: Sequence[Sequence[str]], submitters: Mapping[str, Submitters] | None = None
) -> list[Author | None]:
    """For each path (its parts, file name last) its author, `None` where no export tells one.

    `submitters` are those of Gradescope's submissions, by the name of the submission's folder.

    A file name that looks like Canvas's by accident (`lab_2026_1_ada.ipynb`) is not taken for one:
    dates are left out, and within a folder attachment ids are unique and a user has one name.
    """
    found = [_author(parts, submitters or {}) for parts in paths]
    folders = ["/".join(parts[:-1]) for parts in paths]
    doubtful = _doubtful_folders(
        (folder, author) for folder, author in zip(folders, found, strict=True) if author
    )
    return [
        None if author and author.key.startswith("canvas") and folder in doubtful else author
        for folder, author in zip(folders, found, strict=True)
    ]


def gradescope_folder(parts: Sequence[str]) -> int | None:
    """The place in a path of the innermost folder that is a Gradescope submission."""
    places = range(len(parts) - 2, -1, -1)
    return next((place for place in places if _GRADESCOPE.fullmatch(parts[place])), None)


def _author(parts: Sequence[str], submitters: Mapping[str, Submitters]) -> Author | None:
    for part in reversed(parts):
        if matched := _MOODLE.fullmatch(part):
            return Author(matched["who"], f"moodle {matched['user']}")
    place = gradescope_folder(parts)
    if place is not None:
        folder = parts[place]
        known = submitters.get(folder, Submitters(folder, ()))
        key = f"gradescope {folder.rpartition('_')[2]}"
        return Author(known.name, key, also=known.also)
    return _canvas(parts[-1])


def _canvas(name: str) -> Author | None:
    if packed := _OTTER.fullmatch(name):  # whose time stamp looks like Canvas's numbers
        name = packed["stem"]
    if matched := _CANVAS_ANONYMOUS.fullmatch(name):
        who, attempt, late = matched["who"], int(matched["attempt"]), bool(matched["late"])
        return Author(who, f"canvas {who}", attempt, late)
    matched = _CANVAS.fullmatch(name)
    if not matched or matched["who"] != matched["who"].lower():
        return None
    user, attempt = int(matched["user"]), int(matched["attempt"])
    if 1990 <= user < 2100 and attempt <= 31:
        return None
    return Author(matched["who"], f"canvas {user}", attempt, bool(matched["late"]))


def _doubtful_folders(found: Iterable[tuple[str, Author]]) -> set[str]:
    """Folders in which an attachment id comes twice, or a user id with two names."""
    attempts: Counter[tuple[str, int]] = Counter()
    names: dict[tuple[str, str], str] = {}
    doubtful = set()
    for folder, author in found:
        if not author.key.startswith("canvas"):
            continue
        attempts[folder, author.attempt] += 1
        known = names.setdefault((folder, author.key), author.name)
        if attempts[folder, author.attempt] > 1 or known != author.name:
            doubtful.add(folder)
    return doubtful
