"""# How large is the cache?

Each layer keeps one key and one value for each of its key–value heads and for each token,
`head_size` numbers each. Write `cache_bytes(layers, kv_heads, head_size, tokens, number_bytes=2)`.

- [bytes] The result is the size of the cache in bytes, an int: keys and values, of all layers, for
  one text of `tokens` tokens.
- [number] `number_bytes` is the size of one number.
"""

from __future__ import annotations

from autograder import Exercise

exercise = Exercise("cache_bytes")


@exercise.solution
def cache_bytes(
    layers: int, kv_heads: int, head_size: int, tokens: int, number_bytes: int = 2
) -> int:
    """Return the bytes of the keys and values of one text."""
    return 2 * layers * kv_heads * head_size * tokens * number_bytes
