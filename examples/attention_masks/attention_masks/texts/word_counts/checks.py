"""The checks of `word_counts`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np

from attention_masks.texts.word_counts import exercise
from moelab_kit import Answer


def wrong_counts(got: Any, expected: dict[str, int]) -> str:
    """Say how counts differ; "" where they agree, also in what they leave out."""
    if not isinstance(got, dict):
        return f"the result is of type {type(got).__name__}, not a dict"
    if missing := expected.keys() - got.keys():
        return f"{len(missing)} of {len(expected)} words are missing"
    if more := got.keys() - expected.keys():
        return f"{len(more)} of the keys are no words of the text"
    wrong = [word for word, count in expected.items() if got[word] != count]
    return f"{len(wrong)} of {len(expected)} counts are wrong" if wrong else ""


@exercise.law(points=1, proves=("words", "case"))
def one_sentence(answer: Answer, words: list[str]) -> None:
    """Counts the words of a sentence with a comma, a full stop and a capital letter."""
    text = f"{' '.join(words[:4]).capitalize()}, {' '.join(words[4:])}."
    wrong = wrong_counts(answer(text), dict(Counter(words)))
    assert not wrong, f"for {text!r}: {wrong}"


@exercise.agrees(points=2, proves=("words", "case"), compare=wrong_counts)
def other_alphabets(rng: np.random.Generator, words: list[str]) -> Iterator[str]:
    """Agrees with the reference on texts with digits, hyphens and other alphabets."""
    more = ["größe", "Μάσκα", "clé", "ключ", "Token", "GPU"]
    for between in (" ", "-", "_", "1", "\n", " — "):
        every = [str(word) for word in rng.permutation([*words, *more])]
        yield between.join(every)


@exercise.law(points=1, proves="none", hidden=True)
def no_words(answer: Answer, words: list[str]) -> None:
    """Gives an empty dict for a text without words."""
    wrong = wrong_counts(answer(words[0]), {words[0]: 1})
    assert not wrong, f"a single word counts once: {wrong}"
    for text in ("", " ", "42 + 1!"):
        assert wrong_counts(answer(text), {}) == "", "a text without words has no counts"
