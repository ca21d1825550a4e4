"""More solutions of `chunks`: right ones in another style, and known mistakes."""

from __future__ import annotations

from attention_masks.texts.chunks import chunks, exercise
from attention_masks.texts.chunks.checks import odd_sizes, overlapping, without_overlap


@exercise.wheat
def one_after_the_other(tokens: list[str], size: int, overlap: int = 0) -> list[list[str]]:
    """A loop that goes on until the end is in a chunk."""
    if size < 1 or overlap < 0 or overlap >= size:
        raise ValueError((size, overlap))
    found: list[list[str]] = []
    start = 0
    while tokens:
        found.append(list(tokens[start : start + size]))
        if start + size >= len(tokens):
            break
        start += size - overlap
    return found


@exercise.chaff(caught_by=(without_overlap, overlapping))
def whole_chunks_alone(tokens: list[str], size: int, overlap: int = 0) -> list[list[str]]:
    """Leaves out the last chunk where it is shorter. Every token is in a chunk."""
    return [chunk for chunk in chunks(tokens, size, overlap) if len(chunk) == size]


@exercise.chaff(caught_by=overlapping)
def no_overlap(tokens: list[str], size: int, overlap: int = 0) -> list[list[str]]:
    """Cuts without an overlap."""
    chunks(tokens, size, overlap)
    return chunks(tokens, size)


@exercise.chaff(caught_by=overlapping)
def one_chunk_more(tokens: list[str], size: int, overlap: int = 0) -> list[list[str]]:
    """Ends with a chunk of nothing but tokens that were in the one before."""
    chunks(tokens, size, overlap)
    return [tokens[start : start + size] for start in range(0, len(tokens), size - overlap)]


@exercise.chaff(caught_by=odd_sizes)
def any_size(tokens: list[str], size: int, overlap: int = 0) -> list[list[str]]:
    """Takes the next size that makes sense. That is a ValueError."""
    if not 0 <= overlap < size:
        return [tokens]
    return chunks(tokens, size, overlap)
