"""Every check of every submission, for the page's script to show: each text is stored once.

The page's markup for it would be several megabytes for a class of 300. The script writes the texts
into the page as text, never as markup.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from jinja2.utils import htmlsafe_json_dumps
from markupsafe import Markup

from autograder.records import Outcome
from autograder.report.class_page.entries import Entry
from autograder.report.feedback.content import quoted
from autograder.report.items import ExerciseItems, Item
from autograder.report.numbers import points
from autograder.report.page import words
from autograder.text import MESSAGE_LIMIT, clean_line, clean_name, clean_text

LIMITS = (1_000, 500, 240, 120, 60, 30, 15)  # characters of a message or hint that is cut
CODE_LIMITS = (8_000, 2_000, 800, 0)  # characters of a student's function; 0: none is shown
SHORTEST_EVIDENCE = 120  # characters: evidence that would have to be shorter is left out
_ABSENT = "."
_CODES = dict(zip(Outcome, "pfetmdxsg", strict=True))


class _Texts:
    """Texts by number, each stored once; number 0 is the empty one."""

    def __init__(self, limit: int = MESSAGE_LIMIT) -> None:
        self._numbers = {"": 0}
        self._limit = limit

    def number(self, text: str) -> int:
        return self._numbers.setdefault(clean_text(text, self._limit), len(self._numbers))

    def all(self) -> list[str]:
        return list(self._numbers)


def details_data(
    all_entries: Sequence[Entry],
    items: Iterable[ExerciseItems],
    *,
    evidence: bool = True,
    code: int = CODE_LIMITS[0],
) -> dict[str, Any]:
    """The details of all submissions as JSON values; class.js says how it reads them.

    `outcomes` names the letters. Of a submission, `f` is its file; `o` has one such letter for each
    check of the class in order ("." where it has no such check); `t` is a list [check, message,
    misconception, hint, promises, call, got, expected] of numbers for each check that has something
    to say, without the last three where there is no evidence; `x` its points in each exercise, `n`
    the numbers of its notes, `p` file, width and height of its pictures, `c` by the place of an
    exercise that has lost points the number of the student's code in `codes`, cut to `code`
    characters. Of each check of the class stand title, whether it is hidden, its points, and how
    many passed it.
    """
    texts, codes = _Texts(), _Texts(code)
    exercises = [
        (
            item.whole.name,
            [(c.name, clean_line(c.title), c.hidden, c.points, _passed(c)) for c in item.checks],
        )
        for item in items
    ]
    places = {
        (exercise, check[0]): place
        for place, (exercise, check) in enumerate(
            (exercise, check) for exercise, checks in exercises for check in checks
        )
    }
    names = [name for name, _ in exercises]
    submissions = [
        _submission(entry, names, places, texts, evidence)
        | {"c": _codes(entry, names, codes) if code else {}}
        for entry in all_entries
    ]
    return {
        "outcomes": {code: outcome.replace("_", " ") for outcome, code in _CODES.items()},
        "exercises": [
            [
                name,
                [
                    [title, int(hidden), points(worth), did]
                    for _, title, hidden, worth, did in checks
                ],
            ]
            for name, checks in exercises
        ],
        "submissions": submissions,
        "texts": texts.all(),
        "codes": codes.all(),
    }


def embedded(data: object) -> Markup:
    """Data as JSON that can stand in a script element, whatever its texts hold."""
    return htmlsafe_json_dumps(data, ensure_ascii=False, separators=(",", ":"))


def shortened(
    data: dict[str, Any], surplus: int, shortest: int = LIMITS[-1]
) -> dict[str, Any] | None:
    """The details with texts cut so far that they are `surplus` bytes shorter.

    `None` where that needs texts of less than `shortest` characters, unless none are shorter.
    """
    texts: list[str] = data["texts"]
    most = _size(texts) - surplus
    for limit in (one for one in LIMITS if one >= shortest):
        cut = [text if len(text) <= limit else text[: limit - 1] + "…" for text in texts]
        if limit == LIMITS[-1] or _size(cut) <= most:
            return data | {"texts": cut}
    return None


def _submission(
    entry: Entry,
    names: Sequence[str],
    places: dict[tuple[str, str], int],
    texts: _Texts,
    with_evidence: bool,
) -> dict[str, Any]:
    letters = [_ABSENT] * len(places)
    said = []
    for name, earned in entry.points.items():
        for check in earned.exercise.judged:
            place = places.get((name, check.name))
            if place is None:
                continue
            letters[place] = _CODES[check.outcome]
            slip, evidence = words(check.misconception or ""), check.evidence
            found = [check.message, slip, check.hint, quoted(check.promises)]
            if with_evidence and evidence is not None:
                found += [evidence.call, evidence.got, evidence.expected]
            if any(found):
                said.append([place, *map(texts.number, found)])
    earned_in = [entry.points.get(name) for name in names]
    return {
        "f": " · ".join(filter(None, (clean_name(entry.grade.submission), *_enrolled(entry)))),
        "o": "".join(letters),
        "t": said,
        "x": [f"{points(e.score)} / {points(e.possible)}" if e else "" for e in earned_in],
        "n": [
            texts.number(note) for note in (*_rules(entry), *entry.grade.notes, *_by_hand(entry))
        ],
        "p": {
            place: [e.file, e.picture.width, e.picture.height]
            for place, e in enumerate(earned_in)
            if e and e.picture
        },
    }


def _enrolled(entry: Entry) -> list[str]:
    """What the roster says of the student."""
    if entry.grade.enrolment is None:
        return []
    section = f"section {clean_name(entry.grade.section)}" if entry.grade.section else ""
    return [clean_name(entry.grade.email), clean_name(entry.grade.number), section]


def _rules(entry: Entry) -> tuple[str, ...]:
    """What the rules on deadlines did to the score."""
    return entry.grade.standing.rules if entry.grade.standing is not None else ()


def _passed(check: Item) -> str:
    """How a check did in the class."""
    return f"{check.outcomes[Outcome.PASSED]} of {check.n} pass it"


def _codes(entry: Entry, names: Sequence[str], codes: _Texts) -> dict[int, int]:
    """The student's code of each exercise in which a check did not pass."""
    return {
        place: codes.number(earned.exercise.code)
        for place, name in enumerate(names)
        if (earned := entry.points.get(name))
        and earned.exercise.code
        and any(check.outcome is not Outcome.PASSED for check in earned.exercise.judged)
    }


def _by_hand(entry: Entry) -> list[str]:
    """What a person decided about a submission's points."""
    found = []
    for name, earned in entry.points.items():
        if one := earned.exercise.adjustment:
            found.append(f"{name}: {one.title}: {one.message}")
        if earned.exercise.comment:
            found.append(f"{name}: Comment: {earned.exercise.comment}")
        found += [f"{name}: {c.title}: void ({c.void})" for c in earned.exercise.judged if c.void]
    return found


def _size(texts: list[str]) -> int:
    return len(embedded(texts).encode("utf-8"))
