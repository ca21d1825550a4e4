"""# Counting words

A word is a run of letters, of any alphabet: digits, punctuation and spaces end it. Write
`word_counts(text)`.

- [words] The result is a dict from each word of the text to the number of times that it occurs, and
  holds nothing else.
- [case] Words that differ in capital letters alone are the same word, written in lower case.
- [none] A text without words has no counts: the dict is empty.
"""

from __future__ import annotations

import re
from collections import Counter

from autograder import Exercise

exercise = Exercise("word_counts")


@exercise.solution
def word_counts(text: str) -> dict[str, int]:
    """Return how often each word occurs, by the word in lower case."""
    return dict(Counter(re.findall(r"[^\W\d_]+", text.lower())))
