"""Use more memory than allowed, with Python objects, up to 8 GB.

Tries: a list of byte arrays that grows.
Success: it gets more than the limit.
Outcome: memory or error.
"""


def attack(targets, model):
    held = [bytearray(64 << 20) for _ in range(128)]
    return f"held {len(held)} blocks of 64 MB"
