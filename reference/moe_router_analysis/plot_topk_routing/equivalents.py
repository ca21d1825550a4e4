"""Changes of `plot_topk_routing` that no check can see, and why they make no difference."""

from __future__ import annotations

from reference.moe_router_analysis.plot_topk_routing import exercise

for line in (
    'fig, axes = plt.subplots(1, 3, figsize=(14, 4), layout="constrained")',
    'count_axes.bar(range(len(counts)), counts, color="#0072B2")',
    (
        'count_axes.axhline(balanced, color="#D55E00", linestyle="--", '
        'label=f"balanced: {balanced:.4g}")'
    ),
    "count_axes.margins(y=0.15)",
    'count_axes.legend(loc="upper right")',
    (
        'count_axes.set(title=f"Tokens of each expert (top {top_k})", '
        'xlabel="expert", ylabel="tokens")'
    ),
    "count_axes.xaxis.set_major_locator(MaxNLocator(integer=True))",
    'weight_axes.hist(values, bins=20, color=colour, alpha=0.6, label=f"{name} expert")',
    'weight_axes.set(title="Weights of the best two experts", xlabel="weight", ylabel="tokens")',
    'ratio_axes.hist(first / second, bins=30, color="#009E73")',
    'ratio_axes.axvline(1, color="black", linestyle="--", label="equal weights")',
    "ratio_axes.legend()",
    'title="First weight / second weight", xlabel="ratio", ylabel="tokens", xlim=(0, None)',
    'title="First weight / second weight", xlabel="ratio", ylabel="tokens", xlim=(0, None) )',
):
    exercise.equivalent(line, because="The exercise leaves size, colours, legend and ticks open.")
exercise.equivalent(
    'weights: torch.Tensor = routing["routing_weights"].detach().double().cpu()',
    'weights: torch.Tensor = routing["routing_weights"].detach().double()',
    because="It differs on a GPU alone, where checks with `--device cuda` see it.",
)
exercise.equivalent(
    'weights: torch.Tensor = routing["routing_weights"].detach().double().cpu()',
    'weights: torch.Tensor = routing["routing_weights"].detach().cpu()',
    because="A tensor of one value is a number, too; float32 is precise enough.",
)
exercise.equivalent(
    'weights: torch.Tensor = routing["routing_weights"].detach().double().cpu()',
    'weights: torch.Tensor = routing["routing_weights"].double().cpu()',
    because="What is returned may carry a gradient or not.",
)
exercise.equivalent(
    'for values, name, colour in ((first, "first", "#0072B2"), (second, "second", "#E69F00")):',
    'for values, name, colour in ((first, "FIRST", "#0072B2"), (second, "second", "#E69F00")):',
    'for values, name, colour in ((first, "first", "#0072b2"), (second, "second", "#E69F00")):',
    'for values, name, colour in ((first, "first", "#0072B2"), (second, "SECOND", "#E69F00")):',
    'for values, name, colour in ((first, "first", "#0072B2"), (second, "second", "#e69f00")):',
    because="Python reads both as the same number.",
)
exercise.equivalent(
    'counts = [int(count) for _, count in sorted(routing["expert_counts"].items())]',
    'counts = [int(count) for _, count in routing["expert_counts"].items()]',
    because="Counts come in the order of the experts.",
)
exercise.equivalent(
    'for values, name, colour in ((first, "first", "#0072B2"), (second, "second", "#E69F00")):',
    (
        'for values, name, colour in ((first, "XXfirstXX", "#0072B2"), (second, '
        '"second", "#E69F00")):'
    ),
    (
        'for values, name, colour in ((first, "first", "#0072B2"), (second, '
        '"XXsecondXX", "#E69F00")):'
    ),
    because="The exercise leaves the words of a legend open.",
)
