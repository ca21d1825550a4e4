"""# A picture of a mask

Write `plot_mask(mask)`, which draws a mask, a bool tensor [length, length], and returns the figure.

- [image] The figure has one panel with an image of the mask: one row for each row of it, 1 where it
  is true and 0 where it is false.
- [share] A dashed vertical line stands at the mean number of tokens that a token may listen to.
- [labels] The panel has a title, and both axes have a label.
"""

from __future__ import annotations

import torch
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from autograder import Exercise

exercise = Exercise("plot_mask")


@exercise.solution
def plot_mask(mask: torch.Tensor) -> Figure:
    """Draw a mask [length, length] of bool, and the mean number of tokens listened to."""
    figure, axes = plt.subplots()
    axes.imshow(mask.float().numpy(), cmap="Greys")
    axes.axvline(float(mask.float().sum(1).mean()), linestyle="--")
    axes.set(title="Who may listen to whom", xlabel="to this token", ylabel="this token")
    return figure
