"""More solutions of `word_counts`: right ones in another style, and known mistakes."""

from __future__ import annotations

import re
from collections import Counter

from attention_masks.texts.word_counts import exercise, word_counts
from attention_masks.texts.word_counts.checks import no_words, one_sentence, other_alphabets


@exercise.wheat
def letter_by_letter(text: str) -> dict[str, int]:
    """A word ends where a letter does not follow."""
    counts: dict[str, int] = {}
    word = ""
    for letter in text + " ":
        if letter.isalpha():
            word += letter.lower()
        elif word:
            counts[word] = counts.get(word, 0) + 1
            word = ""
    return counts


@exercise.chaff(caught_by=(one_sentence, other_alphabets, no_words))
def splits_at_spaces(text: str) -> dict[str, int]:
    """Splits at spaces, which leaves punctuation in the words."""
    return dict(Counter(text.lower().split()))


@exercise.chaff(caught_by=(one_sentence, other_alphabets))
def keeps_capitals(text: str) -> dict[str, int]:
    """Counts a word with a capital letter apart from the same word without one."""
    return dict(Counter(re.findall(r"[^\W\d_]+", text)))


@exercise.chaff(caught_by=other_alphabets)
def english_letters_alone(text: str) -> dict[str, int]:
    """Knows the letters a to z alone. Letters of every alphabet make words."""
    return dict(Counter(re.findall(r"[a-z]+", text.lower())))


@exercise.chaff(caught_by=no_words)
def none_without_words(text: str) -> dict[str, int] | None:
    """Returns None for a text without words. That is an empty dict."""
    return word_counts(text) or None
