r"""# Pictures of top-k routing

Who was chosen, and how sure was the router? From a result of `simulate_topk_routing` for T tokens,
E experts and $k \ge 2$, draw one figure of three panels, in this order:

1. [counts] **Counts**: a bar for each expert, as high as its entry of `expert_counts`, and a dashed
   horizontal line at T · k / E, the count of every expert in perfect balance.
2. [weights] **Weights**: the histogram of the first (best) expert's weight over all tokens, and the
   histogram of the second expert's, both in this panel, with a legend that tells them apart.
3. [ratio] **Ratio**: the histogram of first weight / second weight, with a dashed vertical line at
   1, where both experts would matter equally.

Write `plot_topk_routing(routing)`, which returns the figure.

- [labels] Every panel has a title and a label on both axes.
- [one-thing] No panel has a histogram that is not asked for.
- [nothing-clipped] Histograms may show counts or a density, as bars or as steps, with any bins.
  Nothing is clipped away: a long tail of ratios is a finding, not a flaw of the picture. All ratios
  are finite.
- [every-expert] E is the number of entries of `expert_counts`; an expert that nobody chose still
  has its place.
- [unchanged] `routing` is not changed.

<details><summary>Hint</summary>

The first column of `routing_weights` is the best expert's weight, the second column the next one's.
`label=` in both calls of `hist`, then `legend()`.
</details>
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import torch
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from autograder import Effort, Exercise

exercise = Exercise("plot_topk_routing", effort=Effort(difficulty=2, importance=2, minutes=25))


@exercise.solution
def plot_topk_routing(routing: Mapping[str, Any]) -> Figure:
    """Draw the counts of the experts, the weights of the best two, and their ratio.

    `routing` is a result of `simulate_topk_routing` with k at least 2. Returns a figure of three
    panels: bars with a dashed line at T · k / E, two histograms with a legend, and the histogram
    of the ratios with a dashed line at 1.
    """
    weights: torch.Tensor = routing["routing_weights"].detach().double().cpu()
    tokens, top_k = weights.shape
    counts = [int(count) for _, count in sorted(routing["expert_counts"].items())]
    balanced = tokens * top_k / len(counts)
    first, second = weights[:, 0].numpy(), weights[:, 1].numpy()

    fig, axes = plt.subplots(1, 3, figsize=(14, 4), layout="constrained")
    count_axes, weight_axes, ratio_axes = axes
    count_axes.bar(range(len(counts)), counts, color="#0072B2")
    count_axes.axhline(balanced, color="#D55E00", linestyle="--", label=f"balanced: {balanced:.4g}")
    count_axes.margins(y=0.15)
    count_axes.legend(loc="upper right")
    count_axes.set(title=f"Tokens of each expert (top {top_k})", xlabel="expert", ylabel="tokens")
    count_axes.xaxis.set_major_locator(MaxNLocator(integer=True))

    for values, name, colour in ((first, "first", "#0072B2"), (second, "second", "#E69F00")):
        weight_axes.hist(values, bins=20, color=colour, alpha=0.6, label=f"{name} expert")
    weight_axes.legend()
    weight_axes.set(title="Weights of the best two experts", xlabel="weight", ylabel="tokens")

    ratio_axes.hist(first / second, bins=30, color="#009E73")
    ratio_axes.axvline(1, color="black", linestyle="--", label="equal weights")
    ratio_axes.legend()
    ratio_axes.set(
        title="First weight / second weight", xlabel="ratio", ylabel="tokens", xlim=(0, None)
    )
    return fig
