r"""# Pictures of the loss

What does a loss of 1.3 look like? Draw several routers side by side and see. You get a dict that
maps the title of a scenario to logits of shape [T, E].

- [panels] Draw one panel for each scenario, in the order of the dict.

In each panel there are

- [bars] a bar for each expert, as high as its mean probability (the mean over tokens of the
  softmax over experts, as in `compute_load_balancing_loss`);
- [line] a dashed horizontal line at 1/E, where all bars would end if the router were balanced;
- [axis] a y axis from exactly 0 to 1 in every panel, so that the panels can be compared at a
  glance;
- [title] a title that holds the scenario's whole title, however long, and the value of
  `compute_load_balancing_loss` with two decimals, for example `Collapsed: loss 7.09`.

Write `plot_loss_scenarios(scenarios)`, which returns the figure.

- [any-scenarios] E may differ from one scenario to the next. There is at least one scenario, and
  there may be any number. (With a single panel, `plt.subplots` returns bare axes instead of an
  array, unless you ask for `squeeze=False`.)
- [labels] Every panel has labels on both axes, too. Empty places of a grid do not count; hide them.
- [low-precision] Logits may be bfloat16 or float16: compute in float32.

<details><summary>Hint 1 of 2</summary>

`plt.subplots(rows, columns, squeeze=False)` always gives an array of axes; `axes.flat` goes through
it in order.
</details>

<details><summary>Hint 2 of 2</summary>

`set_ylim(0, 1)` after the bars, and `set_axis_off()` (or `remove()`) for places that stay empty.
</details>
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import matplotlib.pyplot as plt
import torch
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from autograder import Effort, Exercise

exercise = Exercise("plot_loss_scenarios", effort=Effort(difficulty=2, importance=2, minutes=25))


@exercise.solution
def plot_loss_scenarios(scenarios: Mapping[str, torch.Tensor]) -> Figure:
    """Draw the mean probability of each expert, one panel for each scenario.

    `scenarios` maps titles to logits [T, E]. Returns a figure with a panel for each, in order:
    bars with a dashed line at 1/E, a y axis from 0 to 1, and the loss in the title.
    """
    columns = min(3, len(scenarios))
    rows = math.ceil(len(scenarios) / columns)
    fig, grid = plt.subplots(
        rows, columns, figsize=(4 * columns, 3.2 * rows), squeeze=False, layout="constrained"
    )
    panels = list(grid.flat)
    for axes, (title, logits) in zip(panels, scenarios.items()):
        probabilities = torch.softmax(logits.detach().float().cpu(), dim=-1).mean(dim=0)
        experts = len(probabilities)
        loss = experts * probabilities.square().sum().item()
        axes.bar(range(experts), probabilities.numpy(), color="#0072B2")
        axes.axhline(1 / experts, color="#D55E00", linestyle="--", label=f"1/{experts}")
        axes.set(
            title=f"{title}: loss {loss:.2f}",
            xlabel="expert",
            ylabel="mean probability",
            ylim=(0, 1),
        )
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.legend(loc="upper right")
    for axes in panels[len(scenarios) :]:
        axes.set_axis_off()
    return fig
