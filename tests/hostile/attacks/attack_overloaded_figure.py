"""A figure with more than anyone can draw.

Tries: 3,000 bars with huge texts, NaN sizes, and a canvas of a million inches.
Success: the grader draws it.
Outcome: answered or error or timeout or memory.
"""

import matplotlib.pyplot as plt


def attack(targets, model):
    figure, axes = plt.subplots()
    axes.bar(range(3000), [float("nan")] * 3000)
    axes.set_title("$" + "x" * 1_000_000)
    figure.set_size_inches(1e6, 1e6)
    for _ in range(200):
        figure.add_axes((0, 0, 1, 1)).imshow([[1.0] * 1000] * 100)
    return figure
