"""A list that contains itself, in a dict that contains itself.

Tries: endless recursion while the answer is packed.
Success: the process crashes, or the grader follows the circle.
Outcome: error.
"""


def attack(targets, model):
    circle = []
    circle.append({"again": circle})
    return circle
