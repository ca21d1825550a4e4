"""End the process while the cells run, every time; functions come after it.

Tries: `os._exit` in a cell.
Success: the rest of the submission is not graded, or the grader runs in circles.
Outcome: refused.
"""

# %%
import os

os._exit(0)

# %%


def attack(targets, model):
    return ""
