"""More solutions of `cache_bytes`: right ones in another style, and known mistakes."""

from __future__ import annotations

from attention_masks.kv_cache.cache_bytes import cache_bytes, exercise
from attention_masks.kv_cache.cache_bytes.checks import half_precision, other_numbers


@exercise.wheat
def step_by_step(
    layers: int, kv_heads: int, head_size: int, tokens: int, number_bytes: int = 2
) -> int:
    """From one head to the whole text."""
    of_a_head = head_size * number_bytes
    of_a_token = kv_heads * (of_a_head + of_a_head)
    return tokens * layers * of_a_token


@exercise.chaff(caught_by=(half_precision, other_numbers))
def keys_alone(
    layers: int, kv_heads: int, head_size: int, tokens: int, number_bytes: int = 2
) -> int:
    """Counts the keys alone. The values are kept, too."""
    return cache_bytes(layers, kv_heads, head_size, tokens, number_bytes) // 2


@exercise.chaff(caught_by=(half_precision, other_numbers))
def one_layer(
    layers: int, kv_heads: int, head_size: int, tokens: int, number_bytes: int = 2
) -> int:
    """Counts one layer. Every layer has keys and values of its own."""
    return cache_bytes(1, kv_heads, head_size, tokens, number_bytes)


@exercise.chaff(caught_by=other_numbers)
def always_two_bytes(
    layers: int, kv_heads: int, head_size: int, tokens: int, number_bytes: int = 2
) -> int:
    """Takes two bytes for every number, whatever `number_bytes` says."""
    return cache_bytes(layers, kv_heads, head_size, tokens)
