"""Token batches, texts and router logits that checks draw from a NumPy generator."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from moe_lab.tokenizer import PAD_ID

MASK_DTYPES = (
    *(torch.bool, torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8),
    *(torch.float32, torch.float64, torch.bfloat16, torch.float16),
)  # a mask holds true and false, or 0 and 1, in any of these

_WORDS = (
    *("a", "router", "sends", "each", "token", "to", "the", "few", "experts", "it", "prefers"),
    *("load", "balance", "capacity", "overflow", "MoE", "top-k", "0.5", "E=64", "(idle)", "why?"),
    *("naïve", "Ärger", "señal", "größer", "маршрут", "эксперт", "λόγος", "½", "🙂"),
    *("専門家", "路由", "전문가", "خبير", "मार्ग"),
)


def token_batch(
    rng: np.random.Generator,
    lengths: Sequence[int],
    vocabulary: int = 256,
    *,
    padding_side: str = "right",
    padding_id: int | None = PAD_ID,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Draw `input_ids` and `attention_mask`, both int64 [B, S], for texts of these lengths.

    Real tokens are 0..vocabulary-1. Padding holds `padding_id`, or with `None` ordinary tokens, so
    that only the mask tells it apart.
    """
    longest = max(lengths)
    ids = rng.integers(0, vocabulary, (len(lengths), longest))
    position = np.arange(longest)
    if padding_side == "left":
        position = position[::-1]
    mask = position < np.asarray(lengths)[:, None]
    if padding_id is not None:
        ids = np.where(mask, ids, padding_id)
    return torch.from_numpy(ids), torch.from_numpy(mask.astype(np.int64))


def random_texts(rng: np.random.Generator, count: int, *, most_words: int = 12) -> list[str]:
    """Draw texts of 1 to `most_words` words, with letters outside ASCII among them."""
    sizes = rng.integers(1, most_words + 1, count)
    return [" ".join(rng.choice(_WORDS, size)) for size in sizes]


STEP = 0.125


def ranked_logits(
    rng: np.random.Generator, tokens: int, experts: int, dtype: torch.dtype = torch.float32
) -> torch.Tensor:
    """Draw logits [tokens, experts] whose ranks within each token are at least 0.125 apart.

    They are multiples of 0.125 between -h and h, h = max(2, experts / 8), and therefore exact in
    float32, bfloat16 and float16 (up to 256 experts).
    """
    half = max(16, experts)
    grid = np.tile(np.arange(-half, half, dtype=np.float64), (tokens, 1))
    steps = rng.permuted(grid, axis=1)[:, :experts]
    return torch.from_numpy(steps * STEP).to(dtype)
