"""Names of submissions and students: readable, unique, and safe to print."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence

from autograder.submission.exports import Author
from autograder.text import clean_text

ENDINGS = (".ipynb", ".py", ".zip")
RENAMED = (".ipynb.txt", ".ipynb.json", ".py.txt")  # by browsers that save a notebook
# What students hand in instead: nothing that an instructor keeps beside submissions, as lists.
OTHERS = (
    *(".pdf", ".html", ".htm", ".docx", ".doc", ".odt", ".rtf", ".pages", ".ipynb.gz"),
    *(".tar.gz", ".tgz", ".tar", ".tar.bz2", ".tar.xz", ".7z", ".rar", ".rmd", ".qmd"),
)


def shown(text: str) -> str:
    r"""Write out control characters, undecodable bytes and the like: `\x1b` for an escape.

    Different names stay different.
    """
    return "".join(
        letter if letter not in "\t\n" and clean_text(letter) == letter else _written_out(letter)
        for letter in text
    )


def has_ending(name: str) -> bool:
    """Whether a file name is one of a submission."""
    return name.lower().endswith(ENDINGS)


def may_hold_code(name: str) -> bool:
    """Whether a file name is one of a notebook, a script or an archive that can be read."""
    return name.lower().endswith((*ENDINGS, *RENAMED))


def is_handed_in(name: str) -> bool:
    """Whether a file name is one of something that was handed in, readable or not."""
    return name.lower().endswith((*ENDINGS, *RENAMED, *OTHERS))


def submission_names(places: Sequence[Sequence[str]]) -> list[str]:
    """One name for each file out of several spellings, the shortest that tells all files apart."""
    names = [spellings[0] for spellings in places]
    for level in range(1, max(map(len, places), default=1)):
        taken = Counter(names)
        names = [
            spellings[level] if taken[name] > 1 else name
            for name, spellings in zip(names, places, strict=True)
        ]
    return _numbered(map(shown, names))


def student_names(names: Sequence[str], authors: Sequence[Author | None]) -> list[str]:
    """The student of each submission, given its unique name and what an export says.

    That is the author's name in the export, else the file's name without ending. Where submissions
    of different people would share it, the author's id or the whole relative path is added.
    """
    spellings = [
        _of_author(author) if author else _of_file(name)
        for name, author in zip(names, authors, strict=True)
    ]
    owners = [author.key if author else name for name, author in zip(names, authors, strict=True)]
    levels = [0] * len(names)
    while True:
        chosen = [spelling[level] for spelling, level in zip(spellings, levels, strict=True)]
        shared = _shared(chosen, owners)
        higher = [
            min(level + (name in shared), 2) for name, level in zip(chosen, levels, strict=True)
        ]
        if higher == levels:
            return chosen
        levels = higher


def _of_author(author: Author) -> tuple[str, str, str]:
    name = _tidy(author.name)
    return name, f"{name}_{author.key.rpartition(' ')[2]}", f"{name} ({author.key})"


def _of_file(name: str) -> tuple[str, str, str]:
    path = _tidy(_without_ending(name))
    return path.rpartition("/")[2].strip() or name, path or name, name


def _shared(names: Sequence[str], owners: Sequence[str]) -> set[str]:
    """Names that stand for more than one owner."""
    first: dict[str, str] = {}
    return {
        name
        for name, owner in zip(names, owners, strict=True)
        if first.setdefault(name, owner) != owner
    }


def _numbered(names: Iterable[str]) -> list[str]:
    """Number the second and later ones of equal names."""
    seen: Counter[str] = Counter()
    result = []
    for name in names:
        seen[name] += 1
        result.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return result


def _tidy(name: str) -> str:
    return shown(unicodedata.normalize("NFC", name)).strip()


def _without_ending(name: str) -> str:
    endings = sorted((*ENDINGS, *RENAMED, *OTHERS), key=len, reverse=True)
    found = next((end for end in endings if name.lower().endswith(end)), "")
    return name[: len(name) - len(found)] if len(found) < len(name) else name


def _written_out(letter: str) -> str:
    return letter.encode("unicode_escape", "surrogatepass").decode("ascii")
