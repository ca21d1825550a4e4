"""Changes of `plot_router_weights` that no check can see, and why they make no difference."""

from __future__ import annotations

from reference.moe_router_analysis.plot_router_weights import exercise

for line in (
    'fig, axes = plt.subplots(2, 2, figsize=(12, 8), layout="constrained")',
    'norm_axes.bar(experts, norms.numpy(), color="#0072B2")',
    'norms.mean().item(), color="#D55E00", linestyle="--", label=f"mean {norms.mean():.3g}"',
    'norms.mean().item(), color="#D55E00", linestyle="--", label=f"mean {norms.mean():.3g}" )',
    "norm_axes.legend()",
    'norm_axes.set(title="Norm of each expert\'s row", xlabel="expert", ylabel="L2 norm")',
    "reach = max(float(np.abs(shown).max()), 1e-12)",
    'picture = weight_axes.imshow(shown, aspect="auto", cmap="PuOr", vmin=-reach, vmax=reach)',
    'fig.colorbar(picture, ax=weight_axes, label="weight")',
    'title = f"Weights (first {shown.shape[1]} of {weights.shape[1]} columns)"',
    'weight_axes.set(title=title, xlabel="column", ylabel="expert")',
    'picture = similarity_axes.imshow(similarity.numpy(), cmap="RdBu_r", vmin=-1, vmax=1)',
    'fig.colorbar(picture, ax=similarity_axes, label="cosine similarity")',
    'similarity_axes.set(title="Similarity of the rows", xlabel="expert", ylabel="expert")',
    'spread_axes.bar(experts, weights.std(dim=1).numpy(), color="#009E73")',
    'title="Spread of each expert\'s row", xlabel="expert", ylabel="standard deviation"',
    "for panel in (norm_axes, similarity_axes, spread_axes):",
    "panel.xaxis.set_major_locator(MaxNLocator(integer=True))",
    "for panel in (weight_axes, similarity_axes):",
    "panel.yaxis.set_major_locator(MaxNLocator(integer=True))",
):
    exercise.equivalent(line, because="The exercise leaves size, colours, legend and ticks open.")
exercise.equivalent(
    "weights = router_weights.detach().float().cpu()",
    "weights = router_weights.detach().float()",
    because="It differs on a GPU alone, where checks with `--device cuda` see it.",
)
exercise.equivalent(
    "weights = router_weights.detach().float().cpu()",
    "weights = router_weights.float().cpu()",
    because="What is returned may carry a gradient or not.",
)
