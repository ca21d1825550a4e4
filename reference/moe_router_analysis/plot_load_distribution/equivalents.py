"""Changes of `plot_load_distribution` that no check can see, and why they make no difference."""

from __future__ import annotations

from reference.moe_router_analysis.plot_load_distribution import exercise

for line in (
    (
        "fig, (load_axes, histogram_axes) = plt.subplots(1, 2, figsize=(12, 4), "
        'layout="constrained")'
    ),
    'expected, color="black", linestyle="--", label=f"expected: {expected:.4g}"',
    'expected, color="black", linestyle="--", label=f"expected: {expected:.4g}" )',
    'Patch(color=colour, label=f"{name}: {classes.count(name)}")',
    "load_axes.margins(y=0.3)",
    'load_axes.legend(handles=[*keys, line], loc="upper center", ncols=2)',
    'load_axes.set(title="Load of each expert", xlabel="expert", ylabel="routed tokens")',
    "bins = min(20, max(5, len(counts) // 2))",
    'histogram_axes.hist(counts, bins=bins, color="#0072B2", edgecolor="white")',
    'histogram_axes.axvline(expected, color="black", linestyle="--", label="expected")',
    "histogram_axes.legend()",
    'title="How many experts have which load", xlabel="routed tokens", ylabel="experts"',
    "load_axes.xaxis.set_major_locator(MaxNLocator(integer=True))",
    "histogram_axes.yaxis.set_major_locator(MaxNLocator(integer=True))",
):
    exercise.equivalent(line, because="The exercise leaves size, colours, legend and ticks open.")
exercise.equivalent(
    'palette = {"overloaded": "#D55E00", "underused": "#56B4E9", "in between": "#8C8C8C"}',
    'palette = {"overloaded": "#d55e00", "underused": "#56B4E9", "in between": "#8C8C8C"}',
    'palette = {"overloaded": "#D55E00", "underused": "#56b4e9", "in between": "#8C8C8C"}',
    'palette = {"overloaded": "#D55E00", "underused": "#56B4E9", "in between": "#8c8c8c"}',
    because="Python reads both as the same number.",
)
exercise.equivalent(
    'counts = [int(count) for _, count in sorted(load_stats["expert_counts"].items())]',
    'counts = [int(count) for _, count in load_stats["expert_counts"].items()]',
    because="Counts come in the order of the experts.",
)
exercise.equivalent(
    'return "underused" if count < 0.5 * expected else "in between"',
    'return "underused" if count >= 0.5 * expected else "in between"',
    'return "underused" if not count < 0.5 * expected else "in between"',
    because="The exercise leaves the colours of bars open.",
)
