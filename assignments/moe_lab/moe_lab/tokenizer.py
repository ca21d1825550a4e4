"""A byte-level tokenizer that needs no network: a token per UTF-8 byte, and three special ones."""

from __future__ import annotations

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

PAD, BOS, EOS = "<pad>", "<bos>", "<eos>"
PAD_ID, BOS_ID, EOS_ID = 256, 257, 258
VOCABULARY = 259


def byte_tokenizer(
    *, bos: bool = False, padding_side: str = "right", pad: str = PAD
) -> PreTrainedTokenizerFast:
    """Make the tokenizer; `bos` puts a `<bos>` token before every text, also before an empty one.

    `pad` is the special token that pads. Special tokens may also stand in a text.

    It behaves as transformers' tokenizers do: an empty text without `<bos>` gives, with
    `return_tensors="pt"`, input ids of shape [1, 0], whose dtype depends on transformers' version.
    """
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {symbol: index for index, symbol in enumerate(alphabet)}
    vocabulary |= {PAD: PAD_ID, BOS: BOS_ID, EOS: EOS_ID}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(token, special=True) for token in (PAD, BOS, EOS)])
    if bos:
        tokenizer.post_processor = processors.TemplateProcessing(
            single=f"{BOS} $A", pair=f"{BOS} $A {BOS} $B", special_tokens=[(BOS, BOS_ID)]
        )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=pad,
        bos_token=BOS,
        eos_token=EOS,
        padding_side=padding_side,
        model_input_names=["input_ids", "attention_mask"],
        clean_up_tokenization_spaces=False,
    )
