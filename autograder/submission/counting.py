"""Which file of a submission counts, where a student handed in several together.

The files' code is parsed, never run, and in another process with limits.
"""

from __future__ import annotations

import base64
import json
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import Any

from autograder.notebook.claims import Claim, choose, claim_of
from autograder.notebook.reading import Unreadable, read_submission
from autograder.records import WHICH_FILE
from autograder.submission.discover import Companion, Found, read_bytes
from autograder.submission.files import SubmissionProblem
from autograder.submission.limited_process import ask
from autograder.submission.naming import may_hold_code

AT_ONCE = 24 * 1024 * 1024  # bytes that one process is given
_DUPLICATE = "-"  # Canvas writes utils-1.py when a student hands utils.py in again


def counting(found: Sequence[Found], wanted: Collection[str] = ()) -> list[Found]:
    """The submissions: of the files that came together, the one that is meant, with the others.

    It is the notebook or script that defines most of the functions `wanted` (empty: of any). Files
    that could be meant as well stay in the list as superseded, and the one that counts says so.
    """
    groups: defaultdict[str, list[Found]] = defaultdict(list)
    for one in found:
        groups[one.group or f"\0{one.name}"].append(one)
    several = [_told_apart(files) for files in groups.values() if len(files) > 1]
    claims = _claims([_candidates(files) for files in several], wanted)
    chosen: dict[str, Found | None] = {}
    for files in several:
        chosen |= dict.fromkeys((one.name for one in files), None)
        chosen |= {one.name: one for one in _settled(files, claims)}
    settled = (chosen.get(one.name, one) for one in found)
    return [one for one in settled if one is not None]


def _told_apart(files: Sequence[Found]) -> list[Found]:
    """The files, of which those with the same path within the submission bear their whole names."""
    paths = Counter(one.inner for one in files)
    return [one if paths[one.inner] == 1 else replace(one, inner=one.name) for one in files]


def claims_as_json(data: bytes) -> list[Any]:
    """What each file defines: what `counting` runs in another process."""
    asked = json.loads(data)
    answers: list[Any] = []
    for name, content in asked["files"]:
        try:
            source = read_submission(base64.b64decode(content), name, wanted=asked["wanted"])
        except Unreadable:
            answers.append(None)
            continue
        claim = claim_of(name, source.cells, asked["wanted"])
        answers.append([dict(claim.functions), [*claim.imports], [*claim.borrowed]])
    return answers


def _settled(files: Sequence[Found], claims: dict[str, Claim]) -> Iterator[Found]:
    candidates = sorted(
        (one for one in files if one.name in claims), key=lambda one: (one.order, one.name)
    )
    by_inner = {claims[one.name].name: one for one in candidates}
    if candidates:
        choice = choose([claims[one.name] for one in candidates])
        best, doubt = by_inner[choice.name], choice.doubt
        rivals = {by_inner[name].name for name in choice.rivals}
    else:
        possible = [one for one in files if not one.problem]
        typed = [one for one in possible if not one.inner.startswith("onlinetext/")]
        readable = [one for one in typed if may_hold_code(one.file_name)]
        best = (readable or typed or possible or list(files))[0]
        doubt, rivals = "", set()
    beside = [one for one in files if one.name != best.name and one.name not in rivals]
    left_out = [one.inner for one in beside if _is_worth_a_word(one)]
    notes = list(best.notes)
    if doubt:
        notes.append(WHICH_FILE + doubt)
    if left_out:
        notes.append(f"handed in with it and not graded: {', '.join(sorted(left_out)[:8])}")
    yield replace(best, companions=tuple(_companions(best, beside)), notes=tuple(notes))
    for one in files:
        if one.name in rivals:
            yield replace(
                one,
                superseded_by=best.name,
                companions=tuple(_companions(one, [o for o in beside if o.name != one.name])),
            )


def _is_worth_a_word(one: Found) -> bool:
    name = one.file_name.lower()
    return not name.endswith(".py") and (may_hold_code(name) or bool(one.problem))


def _candidates(files: Sequence[Found]) -> list[Found]:
    """The files of a submission that may be graded, if there is a choice."""
    return [
        one
        for one in files
        if may_hold_code(one.file_name)
        and not one.problem
        and not one.inner.startswith("onlinetext/")
    ]


def _companions(best: Found, beside: Sequence[Found]) -> Iterator[Companion]:
    """The other files by their paths from the folder of the one that is graded."""
    folder = best.inner.rpartition("/")[0]
    start = f"{folder}/" if folder else ""
    taken = {one.inner.removeprefix(start) for one in beside}
    for one in beside:
        if one.problem or one.file is None:
            continue
        name = one.inner.removeprefix(start)
        yield Companion(one.file, name)
        stem, dot, ending = name.rpartition(".")
        first, dash, number = stem.rpartition(_DUPLICATE)
        if one.order and dot and dash and number.isdecimal() and f"{first}.{ending}" not in taken:
            yield Companion(one.file, f"{first}.{ending}")


def _claims(groups: Sequence[Sequence[Found]], wanted: Collection[str]) -> dict[str, Claim]:
    """The claims of all files that can be read, by name; one file that does harm harms no other."""
    waiting: list[tuple[Found, bytes]] = []
    known: dict[str, Claim] = {}
    size = 0
    for one in (one for group in groups for one in group):
        try:
            data = read_bytes(one)
        except SubmissionProblem:
            continue
        if waiting and size + len(data) > AT_ONCE:
            known |= _asked(waiting, wanted)
            waiting, size = [], 0
        waiting.append((one, data))
        size += len(data)
    return known | _asked(waiting, wanted)


def _asked(files: Sequence[tuple[Found, bytes]], wanted: Collection[str]) -> dict[str, Claim]:
    if not files:
        return {}
    asked = {
        "wanted": [*wanted],
        "files": [(one.inner, base64.b64encode(data).decode("ascii")) for one, data in files],
    }
    answers = ask(claims_as_json, json.dumps(asked).encode("ascii"))
    if not isinstance(answers, list):
        if len(files) == 1:
            return {}
        middle = len(files) // 2
        return _asked(files[:middle], wanted) | _asked(files[middle:], wanted)
    return {
        one.name: Claim(one.inner, functions, frozenset(imports), frozenset(map(tuple, borrowed)))
        for (one, _), answer in zip(files, answers, strict=True)
        if answer is not None
        for functions, imports, borrowed in [answer]
    }
