"""Use more memory than allowed in a cell, before any function is defined, up to 8 GB.

Tries: a list that grows while the cells run; `attack` is defined afterwards all the same.
Success: it gets more than the limit, or the submission cannot be graded at all.
Outcome: refused.
"""

# %%
held = [bytearray(64 << 20) for _ in range(128)]

# %%


def attack(targets, model):
    return f"held {len(held)} blocks" if "held" in globals() else ""
