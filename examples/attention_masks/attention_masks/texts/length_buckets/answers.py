"""More solutions of `length_buckets`: right ones in another style, and known mistakes."""

from __future__ import annotations

from attention_masks.texts.length_buckets import exercise, length_buckets
from attention_masks.texts.length_buckets.checks import (
    equal_lengths,
    leaves_the_list,
    longest_first,
)


@exercise.wheat
def fills_batches(texts: list[str], size: int) -> list[list[str]]:
    """One text after the other goes into the batch that has room."""
    batches: list[list[str]] = []
    order = sorted(range(len(texts)), key=lambda place: (len(texts[place]), place))
    for place in order:
        if not batches or len(batches[-1]) == size:
            batches.append([])
        batches[-1].append(texts[place])
    return batches


@exercise.chaff(caught_by=(longest_first, equal_lengths, leaves_the_list))
def longest_come_first(texts: list[str], size: int) -> list[list[str]]:
    """Puts the longest text first. The exercise asks for the shortest."""
    ordered = sorted(texts, key=len, reverse=True)
    return [ordered[start : start + size] for start in range(0, len(ordered), size)]


@exercise.chaff(caught_by=(longest_first, equal_lengths))
def sorts_each_batch(texts: list[str], size: int) -> list[list[str]]:
    """Cuts first and sorts afterwards: batches still mix long and short texts."""
    cut = [texts[start : start + size] for start in range(0, len(texts), size)]
    return [sorted(batch, key=len) for batch in cut]


@exercise.chaff(caught_by=equal_lengths)
def alphabet_breaks_ties(texts: list[str], size: int) -> list[list[str]]:
    """Sorts texts of equal length by the alphabet. They keep the order in which they came."""
    return length_buckets(sorted(texts), size)


@exercise.chaff(caught_by=leaves_the_list)
def sorts_in_place(texts: list[str], size: int) -> list[list[str]]:
    """Sorts the list itself with `texts.sort`, which changes it for the caller, too."""
    texts.sort(key=len)
    return length_buckets(texts, size)
