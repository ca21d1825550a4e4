"""Is an answer too slow for work over all tokens at once? Judged against this machine, right now.

A fixed limit of wall-clock time cannot be fair: on a busy machine the slowest correct answers
(sorting, one-hot slots) take as long as a loop over tokens takes on an idle one.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import torch

ENOUGH = 10e-6  # seconds per token, twice what the statement says: machines are busy
ATTEMPTS = 3
LOOP_SAMPLE = 8_000  # tokens
BATCH_SAMPLE = 50_000  # tokens


def is_too_slow(work: Callable[[], object], seconds: float, logits: torch.Tensor) -> bool:
    """Whether `work`, which took `seconds`, stays slow in every further attempt.

    Slow is what takes longer than `ENOUGH` for each token of `logits`, and than what this machine
    needs at this moment for the slowest way without a loop (times 1.5) and for a loop over the
    tokens (times 0.7).
    """
    enough = ENOUGH * len(logits)
    for _ in range(ATTEMPTS - 1):
        if seconds <= enough or seconds <= _allowance(logits):
            return False
        seconds = seconds_of(work)
    return seconds > enough and seconds > _allowance(logits)


def seconds_of(work: Callable[[], object]) -> float:
    """The wall-clock time of one call."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _allowance(logits: torch.Tensor) -> float:
    loop = seconds_of(lambda: _loop_over_tokens(logits[:LOOP_SAMPLE])) / LOOP_SAMPLE
    batch = seconds_of(lambda: _one_hot(logits[:BATCH_SAMPLE])) / BATCH_SAMPLE
    return max(0.7 * loop, 1.5 * batch) * len(logits)


def _loop_over_tokens(logits: torch.Tensor) -> None:
    counts = [0] * logits.shape[1]
    sums = [0.0] * logits.shape[1]
    for row in logits.float():
        selected, chosen = torch.topk(row, 2)
        weights = torch.softmax(selected, dim=0)
        for slot in range(2):
            counts[int(chosen[slot])] += 1
            sums[int(chosen[slot])] += float(weights[slot])


def _one_hot(logits: torch.Tensor) -> None:
    selected, chosen = torch.topk(logits.float(), 2, dim=-1)
    weights = torch.softmax(selected, dim=-1)
    used = torch.nn.functional.one_hot(chosen, logits.shape[1])
    used.sum(dim=(0, 1))
    (used * weights.unsqueeze(-1)).sum(dim=(0, 1))
