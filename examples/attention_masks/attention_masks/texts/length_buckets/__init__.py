"""# Batches of similar length

Padding is cheap where the texts of a batch are of similar length. Write
`length_buckets(texts, size)`, which sorts texts into batches.

- [sorted] The texts stand in order of their length in characters, the shortest first.
- [stable] Texts of equal length keep the order in which they came.
- [batches] The result is a list of batches, lists of `size` texts each; the last one may be
  shorter.
- [unchanged] The list `texts` stays as it is.
"""

from __future__ import annotations

from autograder import Exercise

exercise = Exercise("length_buckets")


@exercise.solution
def length_buckets(texts: list[str], size: int) -> list[list[str]]:
    """Sort texts by length, and cut them into batches of `size`."""
    ordered = sorted(texts, key=len)
    return [ordered[start : start + size] for start in range(0, len(ordered), size)]
