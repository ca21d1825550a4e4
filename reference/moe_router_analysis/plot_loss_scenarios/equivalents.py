"""Changes of `plot_loss_scenarios` that no check can see, and why they make no difference."""

from __future__ import annotations

from reference.moe_router_analysis.plot_loss_scenarios import exercise

for line in (
    "columns = min(3, len(scenarios))",
    "rows = math.ceil(len(scenarios) / columns)",
    'rows, columns, figsize=(4 * columns, 3.2 * rows), squeeze=False, layout="constrained"',
    'rows, columns, figsize=(4 * columns, 3.2 * rows), squeeze=False, layout="constrained" )',
    'axes.bar(range(experts), probabilities.numpy(), color="#0072B2")',
    'axes.axhline(1 / experts, color="#D55E00", linestyle="--", label=f"1/{experts}")',
    'xlabel="expert",',
    'ylabel="mean probability",',
    "axes.xaxis.set_major_locator(MaxNLocator(integer=True))",
    'axes.legend(loc="upper right")',
    "axes.set_axis_off()",
):
    exercise.equivalent(line, because="The exercise leaves size, colours, legend and ticks open.")
exercise.equivalent(
    "probabilities = torch.softmax(logits.detach().float().cpu(), dim=-1).mean(dim=0)",
    "probabilities = torch.softmax(logits.detach().float(), dim=-1).mean(dim=0)",
    because="It differs on a GPU alone, where checks with `--device cuda` see it.",
)
exercise.equivalent(
    "probabilities = torch.softmax(logits.detach().float().cpu(), dim=-1).mean(dim=0)",
    "probabilities = torch.softmax(logits.float().cpu(), dim=-1).mean(dim=0)",
    because="What is returned may carry a gradient or not.",
)
exercise.equivalent(
    "probabilities = torch.softmax(logits.detach().float().cpu(), dim=-1).mean(dim=0)",
    "probabilities = torch.softmax(logits.detach().float().cpu(), dim=+1).mean(dim=0)",
    because="The values have two dimensions: the last one is dimension 1, and topk's own.",
)
exercise.equivalent(
    "loss = experts * probabilities.square().sum().item()",
    "loss = experts * probabilities.square().sum()",
    because="A tensor of one value is a number, too; float32 is precise enough.",
)
exercise.equivalent(
    "for axes in panels[len(scenarios) :]:",
    "for axes in []:",
    because="Panels that are left over are ignored.",
)
