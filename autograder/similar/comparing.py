"""How alike two codes are: the share of their fingerprints that both have, by copydetect.

Fingerprints are those of winnowing (S. Schleimer, D. S. Wilkerson and A. Aiken, 2003) over tokens
in which every variable is `V`, so that other names hide nothing. What more than a tenth of the
class has is the exercise's own, and is ignored.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from copydetect.utils import (
    filter_code,
    find_fingerprint_overlap,
    get_copied_slices,
    get_document_fingerprints,
)

from autograder.similar.corpus import Author, Behaviour, rare

LENGTH = 25  # characters of a fingerprint, after tokenizing
WINDOW = 6  # fingerprints of which at least one is kept
COMMON = 0.10  # of the class: what more of them share says nothing
FEWEST_COMMON = 3  # students who may share something in any class
FEWEST = 4  # fingerprints below which a function is too short to tell
BINS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Alike:
    """One exercise of a pair: the share of fingerprints in common, and where these are.

    `marked` are places (start, end) in each bare code.
    """

    exercise: str
    share: float
    common: int
    marked: tuple[tuple[tuple[int, int], ...], tuple[tuple[int, int], ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two students: `share` over all exercises that both have, and each of these.

    `same_wrong` are rare ways to be wrong that both show.
    """

    one: Author
    other: Author
    share: float
    alike: tuple[Alike, ...]
    same_wrong: tuple[Behaviour, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A class's pairs, the most alike first, and how the shares of all pairs are distributed."""

    authors: tuple[Author, ...]
    pairs: tuple[Pair, ...]
    median: float
    bins: tuple[int, ...]
    compared: int


@dataclass(slots=True)
class _Print:
    hashes: frozenset[int]
    places: Mapping[int, list[int]]
    offsets: np.ndarray


def compare(authors: Sequence[Author], *, most: int = 100) -> Comparison:
    """Compare every two students of a class, and each with those of earlier ones.

    `most` is how many pairs are kept.
    """
    prints = [{name: _print(code) for name, code in one.bare.items()} for one in authors]
    _without_common(authors, prints)
    unusual = rare(authors, COMMON)
    found, shares = [], []
    for (place, one), (other_place, other) in combinations(enumerate(authors), 2):
        if one.earlier and other.earlier:
            continue
        mine, theirs = prints[place], prints[other_place]
        names = [name for name in mine if name in theirs]
        common = {name: len(mine[name].hashes & theirs[name].hashes) for name in names}
        size = {name: min(len(mine[name].hashes), len(theirs[name].hashes)) for name in names}
        whole = sum(size.values())
        share = sum(common.values()) / whole if whole >= FEWEST else 0.0
        shares.append(share)
        wrong = tuple(sorted(one.wrong & other.wrong & unusual))
        if share > 0 or wrong:
            found.append((share, len(wrong), place, other_place, common, size, wrong))
    found.sort(key=lambda row: (-row[0], -row[1], row[2], row[3]))
    pairs = [
        Pair(
            one=authors[place],
            other=authors[other],
            share=share,
            alike=tuple(_alike(prints[place], prints[other], common, size)),
            same_wrong=wrong,
        )
        for share, _, place, other, common, size, wrong in _kept(found, most)
    ]
    places = Counter(min(int(BINS * share), BINS - 1) for share in shares)
    return Comparison(
        authors=tuple(authors),
        pairs=tuple(pairs),
        median=float(np.median(shares)) if shares else 0.0,
        bins=tuple(places[place] for place in range(BINS)),
        compared=len(shares),
    )


_Row = tuple[float, int, int, int, dict[str, int], dict[str, int], tuple[Behaviour, ...]]


def _kept(found: list[_Row], most: int) -> list[_Row]:
    """The pairs most alike, and those with the most rare mistakes in common."""
    first = found[:most]
    wrong = sorted((row for row in found[most:] if row[1]), key=lambda row: -row[1])
    return [*first, *wrong[: most // 4]]


def _print(code: str) -> _Print:
    tokens, offsets = filter_code(code, "code.py", language="python")
    if len(tokens) < LENGTH:
        return _Print(frozenset(), {}, offsets)
    hashes, places = get_document_fingerprints(tokens, LENGTH, WINDOW)
    return _Print(frozenset(hashes), places, offsets)


def _without_common(authors: Sequence[Author], prints: list[dict[str, _Print]]) -> None:
    """Drop the fingerprints that more of the class have than could by copying one another."""
    own = [place for place, one in enumerate(authors) if not one.earlier]
    most = max(FEWEST_COMMON, COMMON * len(own))
    for name in {name for one in prints for name in one}:
        times = Counter(
            value for place in own if name in prints[place] for value in prints[place][name].hashes
        )
        common = {value for value, number in times.items() if number > most}
        for one in prints:
            if name in one:
                one[name].hashes -= common


def _alike(
    mine: Mapping[str, _Print],
    theirs: Mapping[str, _Print],
    common: Mapping[str, int],
    size: Mapping[str, int],
) -> list[Alike]:
    found = [
        Alike(
            exercise=name,
            share=number / size[name],
            common=number,
            marked=_marked(mine[name], theirs[name]),
        )
        for name, number in common.items()
        if number and size[name] >= FEWEST
    ]
    return sorted(found, key=lambda one: (-one.share, -one.common))


def _marked(
    one: _Print, other: _Print
) -> tuple[tuple[tuple[int, int], ...], tuple[tuple[int, int], ...]]:
    overlap = find_fingerprint_overlap(one.hashes, other.hashes, one.places, other.places)
    return _places(overlap[0], one.offsets), _places(overlap[1], other.offsets)


def _places(found: np.ndarray, offsets: np.ndarray) -> tuple[tuple[int, int], ...]:
    """Places of the tokens in the code itself."""
    slices = get_copied_slices(found, LENGTH)
    if not slices.size or not len(offsets):
        return ()
    at = np.clip(np.searchsorted(offsets[:, 0], slices), 0, len(offsets) - 1)
    starts, ends = slices + offsets[at, 1]
    return tuple((int(start), int(end)) for start, end in zip(starts, ends, strict=True))
