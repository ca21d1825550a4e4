"""Draw every picture in every panel.

Tries: all matrices and all bars that might be asked for in each of four panels, and the mean of
each as a line.
Success: points without knowing which of them is asked for where.
Exercise: plot_router_weights
Earns: 0.
"""

import matplotlib.pyplot as plt
import numpy as np


def plot_router_weights(router_weights):
    weights = router_weights.double().numpy()
    norms = np.linalg.norm(weights, axis=1)
    unit = weights / np.where(norms > 0, norms, 1)[:, None]
    pictures = [weights[:, :100], weights, weights[:100], unit @ unit.T, weights @ weights.T]
    bars = [norms, weights.std(axis=1, ddof=1), weights.std(axis=1), weights.mean(axis=1)]
    figure, axes = plt.subplots(2, 2)
    for panel in axes.flat:
        for heights in bars:
            panel.bar(range(len(norms)), heights)
            panel.axhline(heights.mean(), linestyle="--")
        for picture in pictures:
            panel.imshow(picture, aspect="auto")
        panel.set(title="a", xlabel="b", ylabel="c")
    return figure
