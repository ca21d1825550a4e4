r"""# Pictures of a router's weights

One look often tells more than a table. Draw what `router_weight_statistics` computes, in one figure
of four panels. For weights of shape [E, d], in this order:

1. [norms] **Norms**: a bar for each expert, as high as the L2 norm of its row, and a dashed
   horizontal line at the mean of the norms.
2. [weights] **Weights**: an image of the matrix, one row for each expert. Show the first 100
   columns only (all of them, where there are fewer): thousands of columns would melt into noise.
3. [similarity] **Similarity**: an image of the cosine similarity of each pair of rows, [E, E]. A
   row of zeros has similarity 0 with every other row.
4. [spread] **Spread**: a bar for each expert, as high as the sample standard deviation (n − 1) of
   its row.

Write `plot_router_weights(router_weights)`, which returns the figure (`matplotlib.figure.Figure`).

- [labels] Every panel has a title and a label on both axes, and draws one thing: one image, or one
  bar for each expert, all of it within the limits of its axes.
- [low-precision] The weights may be bfloat16 or float16, which NumPy and matplotlib do not take or
  do not compute well with: go to float32 first.
- [unchanged] Do not change the caller's tensor.

The style is yours: `plt.subplots` or `Figure()`, `bar` or rectangles, `imshow`, `matshow` or
`pcolormesh`, `axhline`, `hlines` or `plot`. Colour bars are welcome and do not count as panels. The
panels count in the order of `fig.axes`.

A picture is read by people who do not see colours as you do. For values with a sign choose a
diverging colour map that does not pair red with green, such as `RdBu` or `PuOr`, with 0 in the
middle.

<details><summary>Hint 1 of 2</summary>

`fig, axes = plt.subplots(2, 2)`, and the panels in order are `axes.flat`. Take the numbers from
your `router_weight_statistics`.
</details>

<details><summary>Hint 2 of 2</summary>

A dashed line is `axhline(height, linestyle="--")`; `imshow` draws one row of a matrix per row of
the picture, and `vmin=-m, vmax=m` puts 0 in the middle of the colours.
</details>
"""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from autograder import Effort, Exercise

exercise = Exercise("plot_router_weights", effort=Effort(difficulty=2, importance=3, minutes=30))


@exercise.solution
def plot_router_weights(router_weights: torch.Tensor) -> Figure:
    """Draw the norms, the weights, the similarities and the spread of a router's rows.

    `router_weights` is [E, d] of any float dtype. Returns a figure of four panels: bars of the
    norms with a dashed line at their mean, an image of the first 100 columns, an image of the
    cosine similarities, bars of the sample standard deviations.
    """
    weights = router_weights.detach().float().cpu()
    norms = weights.norm(dim=1)
    directions = weights / norms.clamp_min(torch.finfo(weights.dtype).tiny)[:, None]
    similarity = directions @ directions.T
    experts = np.arange(len(weights))

    fig, axes = plt.subplots(2, 2, figsize=(12, 8), layout="constrained")
    (norm_axes, weight_axes), (similarity_axes, spread_axes) = axes
    norm_axes.bar(experts, norms.numpy(), color="#0072B2")
    norm_axes.axhline(
        norms.mean().item(), color="#D55E00", linestyle="--", label=f"mean {norms.mean():.3g}"
    )
    norm_axes.legend()
    norm_axes.set(title="Norm of each expert's row", xlabel="expert", ylabel="L2 norm")

    shown = weights[:, :100].numpy()
    reach = max(float(np.abs(shown).max()), 1e-12)
    picture = weight_axes.imshow(shown, aspect="auto", cmap="PuOr", vmin=-reach, vmax=reach)
    fig.colorbar(picture, ax=weight_axes, label="weight")
    title = f"Weights (first {shown.shape[1]} of {weights.shape[1]} columns)"
    weight_axes.set(title=title, xlabel="column", ylabel="expert")

    picture = similarity_axes.imshow(similarity.numpy(), cmap="RdBu_r", vmin=-1, vmax=1)
    fig.colorbar(picture, ax=similarity_axes, label="cosine similarity")
    similarity_axes.set(title="Similarity of the rows", xlabel="expert", ylabel="expert")

    spread_axes.bar(experts, weights.std(dim=1).numpy(), color="#009E73")
    spread_axes.set(
        title="Spread of each expert's row", xlabel="expert", ylabel="standard deviation"
    )
    for panel in (norm_axes, similarity_axes, spread_axes):
        panel.xaxis.set_major_locator(MaxNLocator(integer=True))
    for panel in (weight_axes, similarity_axes):
        panel.yaxis.set_major_locator(MaxNLocator(integer=True))
    return fig
