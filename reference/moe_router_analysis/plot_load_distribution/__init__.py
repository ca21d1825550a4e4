r"""# Pictures of the load

Show at a glance who is overworked and who is idle. From a complete result of
`analyze_load_distribution` draw one figure of two panels, in this order:

1. [load] **Load**: a bar for each expert, as high as its count, with a dashed horizontal line at
   `expected_per_expert`. Colour tells the class of an expert: *overloaded* is one colour (more than
   1.5 times the expected count), *underused* another (less than 0.5 times), all others a third.
   Both comparisons are strict, as in `find_load_issues`.
2. [histogram] **Histogram** of the counts, with a dashed vertical line at `expected_per_expert`.
   Its bars are numbers of experts, so that they add up to E (no density), and every count is in one
   of them: the one expert that gets everything is just what nobody may overlook.

Write `plot_load_distribution(load_stats)`, which returns the figure.

- [labels] Every panel has a title and a label on both axes.
- [balanced] Also when all counts are equal, every one of them is in the histogram.
- [one-thing] Each panel draws one thing: no further bars or histograms beside the one that is asked
  for.
- [unchanged] `load_stats` is not changed.

Bars may come from one call of `bar` with a list of colours, from a call for each class, or be
rectangles of your own; all that counts is one bar for each expert in order of x. The bins of the
histogram are your choice.

About one man in twelve cannot tell red from green. Orange and blue with grey between them is a
choice that everyone can read; a legend helps as well.

<details><summary>Hint 1 of 2</summary>

Make a list with one colour per expert and give it to a single call of `bar`.
</details>

<details><summary>Hint 2 of 2</summary>

Let `hist` find the range of its bins itself, and every count is inside, also when all are equal.
</details>
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from autograder import Effort, Exercise

exercise = Exercise("plot_load_distribution", effort=Effort(difficulty=2, importance=3, minutes=25))


@exercise.solution
def plot_load_distribution(load_stats: Mapping[str, Any]) -> Figure:
    """Draw the load of each expert and the histogram of the loads.

    `load_stats` is a complete result of `analyze_load_distribution`. Returns a figure of two
    panels: bars coloured by class with a dashed line at the expected count, and the histogram of
    the counts with a dashed line at the expected count.
    """
    counts = [int(count) for _, count in sorted(load_stats["expert_counts"].items())]
    expected = float(load_stats["expected_per_expert"])
    palette = {"overloaded": "#D55E00", "underused": "#56B4E9", "in between": "#8C8C8C"}

    def class_of(count: int) -> str:
        if count > 1.5 * expected:
            return "overloaded"
        return "underused" if count < 0.5 * expected else "in between"

    classes = [class_of(count) for count in counts]
    fig, (load_axes, histogram_axes) = plt.subplots(1, 2, figsize=(12, 4), layout="constrained")
    load_axes.bar(range(len(counts)), counts, color=[palette[name] for name in classes])
    line = load_axes.axhline(
        expected, color="black", linestyle="--", label=f"expected: {expected:.4g}"
    )
    keys = [
        Patch(color=colour, label=f"{name}: {classes.count(name)}")
        for name, colour in palette.items()
    ]
    load_axes.margins(y=0.3)
    load_axes.legend(handles=[*keys, line], loc="upper center", ncols=2)
    load_axes.set(title="Load of each expert", xlabel="expert", ylabel="routed tokens")

    bins = min(20, max(5, len(counts) // 2))
    histogram_axes.hist(counts, bins=bins, color="#0072B2", edgecolor="white")
    histogram_axes.axvline(expected, color="black", linestyle="--", label="expected")
    histogram_axes.legend()
    histogram_axes.set(
        title="How many experts have which load", xlabel="routed tokens", ylabel="experts"
    )
    load_axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    histogram_axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    return fig
