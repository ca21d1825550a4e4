"""# Cutting into chunks

A text that is longer than a model can read is cut into chunks, which may overlap so that no
sentence is torn apart unseen. `tokens` is a list. Write `chunks(tokens, size, overlap=0)`.

- [chunks] The result is a list of lists: chunks of `size` tokens in order, the last one of what is
  left.
- [overlap] Each chunk but the first begins with the last `overlap` tokens of the one before.
- [end] Once all tokens are in a chunk, there are no more chunks; no tokens make no chunk.
- [sizes] Raise `ValueError` for a `size` below 1, and for an `overlap` that is negative or not
  smaller than `size`.
"""

from __future__ import annotations

from autograder import Exercise

exercise = Exercise("chunks")


@exercise.solution
def chunks(tokens: list[str], size: int, overlap: int = 0) -> list[list[str]]:
    """Cut tokens into chunks of `size`, each with `overlap` tokens of the one before.

    Raises `ValueError` unless 0 <= overlap < size.
    """
    if not 0 <= overlap < size:
        raise ValueError("a chunk has to hold more than the overlap")
    starts = range(0, max(len(tokens) - overlap, 1), size - overlap)
    return [tokens[start : start + size] for start in starts] if tokens else []
