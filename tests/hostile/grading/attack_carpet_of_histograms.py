"""Draw every histogram in every panel.

Tries: the histograms of all weights and of all their ratios in each panel, with lines and legends.
Success: points without knowing which of them is asked for where.
Exercise: plot_topk_routing
Earns: 0.
"""

import matplotlib.pyplot as plt


def plot_topk_routing(routing):
    weights = routing["routing_weights"].double().numpy()
    first, second, last = weights[:, 0], weights[:, 1], weights[:, -1]
    counts = routing["expert_counts"]
    figure, axes = plt.subplots(1, 3)
    for panel in axes:
        for number, values in enumerate((first, second, last, first / second, second / first)):
            panel.hist(values, label=f"weights {number}")
        panel.bar(list(counts), list(counts.values()))
        panel.axhline(sum(counts.values()) / len(counts), linestyle="--")
        panel.axvline(1, linestyle="--")
        panel.legend()
        panel.set(title="a", xlabel="b", ylabel="c")
    return figure
