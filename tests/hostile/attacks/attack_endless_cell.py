"""An endless loop in a cell; functions come after it.

Tries: to keep the grader from ever calling a function.
Success: the grader waits for longer than the time limit, or later cells are not run.
Outcome: refused.
"""

# %%
while True:
    pass

# %%


def attack(targets, model):
    return ""
