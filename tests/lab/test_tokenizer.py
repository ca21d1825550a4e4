"""The byte-level tokenizer behaves as transformers' own tokenizers do."""

from __future__ import annotations

import pytest
import torch
from transformers import BatchEncoding

from moe_lab.tokenizer import BOS_ID, EOS_ID, PAD_ID, VOCABULARY, byte_tokenizer

TEXTS = ("A router", "naïve señal 専門家 🙂", "  two  spaces\nand a line\t", "x")


@pytest.mark.parametrize("text", TEXTS)
def test_every_byte_is_a_token_and_decoding_gives_the_text_back(text: str) -> None:
    tokenizer = byte_tokenizer()
    ids = tokenizer(text)["input_ids"]
    assert len(ids) == len(text.encode())
    assert max(ids) < 256
    assert tokenizer.decode(ids) == text


def test_every_byte_value_has_its_own_token() -> None:
    tokenizer = byte_tokenizer()
    assert len(tokenizer) == VOCABULARY
    assert tokenizer.pad_token_id == PAD_ID
    assert tokenizer.bos_token_id == BOS_ID
    assert tokenizer.eos_token_id == EOS_ID
    every_letter = "".join(chr(code) for code in range(1, 0x800))
    assert len(set(tokenizer(every_letter)["input_ids"])) > 180


@pytest.mark.parametrize("side", ["right", "left"])
def test_a_padded_batch_is_padded_on_the_chosen_side(side: str) -> None:
    batch = byte_tokenizer(padding_side=side)(["abc", "a"], padding=True, return_tensors="pt")
    assert isinstance(batch, BatchEncoding)
    assert set(batch) == {"input_ids", "attention_mask"}
    assert batch["input_ids"].dtype == batch["attention_mask"].dtype == torch.int64
    assert batch["attention_mask"].tolist()[0] == [1, 1, 1]
    assert batch["attention_mask"].tolist()[1] == ([1, 0, 0] if side == "right" else [0, 0, 1])
    assert (batch["input_ids"][1] == PAD_ID).sum() == 2


def test_bos_comes_before_every_text_and_is_a_real_token() -> None:
    tokenizer = byte_tokenizer(bos=True, padding_side="left")
    batch = tokenizer(["abc", ""], padding=True, return_tensors="pt")
    assert batch["input_ids"][0, 0] == BOS_ID
    assert batch["attention_mask"].sum(dim=1).tolist() == [4, 1]
    assert batch["input_ids"][1].tolist() == [PAD_ID] * 3 + [BOS_ID]
    assert tokenizer.decode(batch["input_ids"][0], skip_special_tokens=True) == "abc"


def test_an_empty_text_gives_one_row_without_tokens() -> None:
    encoded = byte_tokenizer()("", return_tensors="pt")
    assert encoded["input_ids"].shape == encoded["attention_mask"].shape == (1, 0)


def test_an_empty_text_in_a_batch_is_all_padding() -> None:
    batch = byte_tokenizer()(["", "ab"], padding=True, return_tensors="pt")
    assert batch["attention_mask"].tolist() == [[0, 0], [1, 1]]


def test_the_name_of_a_special_token_in_a_text_is_a_real_token() -> None:
    encoded = byte_tokenizer()("a<pad>b")
    assert encoded["input_ids"][1] == PAD_ID
    assert encoded["attention_mask"] == [1, 1, 1]
