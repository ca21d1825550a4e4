"""Inputs drawn for checks: the same from the same generator, and shaped as promised."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from moe_lab.inputs import random_texts, token_batch
from moe_lab.tokenizer import PAD_ID, byte_tokenizer


@pytest.mark.parametrize("side", ["right", "left"])
def test_a_token_batch_has_as_many_real_tokens_as_asked(side: str) -> None:
    ids, mask = token_batch(np.random.default_rng(0), (3, 6, 0), padding_side=side)
    assert ids.dtype == mask.dtype == torch.int64
    assert ids.shape == mask.shape == (3, 6)
    assert mask.sum(dim=1).tolist() == [3, 6, 0]
    assert mask[0].tolist() == ([1, 1, 1, 0, 0, 0] if side == "right" else [0, 0, 0, 1, 1, 1])
    assert (ids[mask == 0] == PAD_ID).all()
    assert (ids[mask == 1] < 256).all()


def test_padding_can_look_like_ordinary_tokens() -> None:
    ids, _ = token_batch(np.random.default_rng(0), (1, 50), 40, padding_id=None)
    assert ids.max() < 40
    assert len(set(ids[0].tolist())) > 10


def test_random_texts_hold_words_and_letters_outside_ascii() -> None:
    texts = random_texts(np.random.default_rng(0), 40, most_words=5)
    assert len(texts) == 40
    assert all(type(text) is str and 1 <= len(text.split()) <= 5 for text in texts)
    assert not all(text.isascii() for text in texts)
    tokenizer = byte_tokenizer()
    assert all(tokenizer.decode(tokenizer(text)["input_ids"]) == text for text in texts)


def test_the_same_generator_draws_the_same_inputs() -> None:
    one, other = (np.random.default_rng(5) for _ in range(2))
    assert torch.equal(token_batch(one, (4, 2))[0], token_batch(other, (4, 2))[0])
    assert random_texts(one, 6) == random_texts(other, 6)
