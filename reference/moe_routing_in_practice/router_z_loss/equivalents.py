"""Changes of `router_z_loss` that no check can see, and why they make no difference."""

from __future__ import annotations

from reference.moe_routing_in_practice.router_z_loss import exercise

exercise.equivalent(
    "if len(values) == 0:",
    "if len(values) <= 0:",
    because="A count is never negative.",
)
exercise.equivalent(
    "return torch.zeros((), device=values.device)",
    "return torch.zeros((), device=None)",
    "return torch.zeros((), )",
    because="It differs on a GPU alone, where checks with `--device cuda` see it.",
)
exercise.equivalent(
    "return torch.logsumexp(values, dim=-1).square().mean()",
    "return torch.logsumexp(values, dim=-1, keepdim = True).square().mean()",
    because="A dimension of size 1 more is gone after the mean or the sum.",
)
exercise.equivalent(
    "return torch.logsumexp(values, dim=-1).square().mean()",
    "return torch.logsumexp(values, dim=+1).square().mean()",
    because="The values have two dimensions: the last one is dimension 1, and topk's own.",
)
