"""Changes of `compute_switch_loss` that no check can see, and why they make no difference."""

from __future__ import annotations

from reference.moe_router_analysis.compute_switch_loss import exercise

exercise.equivalent(
    "if len(logits) == 0:",
    "if len(logits) <= 0:",
    because="A count is never negative.",
)
exercise.equivalent(
    "return torch.zeros((), device=logits.device)",
    "return torch.zeros((), device=None)",
    "return torch.zeros((), )",
    because="It differs on a GPU alone, where checks with `--device cuda` see it.",
)
exercise.equivalent(
    "chosen = logits.detach().topk(top_k, dim=-1).indices",
    "chosen = logits.detach().topk(top_k, ).indices",
    "chosen = logits.detach().topk(top_k, dim=+1).indices",
    because="The values have two dimensions: the last one is dimension 1, and topk's own.",
)
exercise.equivalent(
    "chosen = logits.detach().topk(top_k, dim=-1).indices",
    "chosen = logits.topk(top_k, dim=-1).indices",
    because="What is returned may carry a gradient or not.",
)
exercise.equivalent(
    "return experts * torch.dot(shares, torch.softmax(logits, dim=-1).mean(dim=0))",
    "return experts * torch.dot(shares, torch.softmax(logits, dim=+1).mean(dim=0))",
    because="The values have two dimensions: the last one is dimension 1, and topk's own.",
)
exercise.equivalent(
    "return experts * torch.dot(shares, torch.softmax(logits, dim=-1).mean(dim=0))",
    "return experts * torch.dot(torch.softmax(logits, dim=-1).mean(dim=0), shares)",
    because="The dot product is symmetric.",
)
