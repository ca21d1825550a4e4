"""Changes of the exercise that no check can see, and why they make no difference."""

from __future__ import annotations

from reference.moe_router_analysis.compute_load_balancing_loss import exercise

exercise.equivalent(
    "if tokens == 0:",
    "if tokens <= 0:",
    because="A count is never negative.",
)
exercise.equivalent(
    "mean_probabilities = torch.softmax(router_logits.float(), dim=-1).mean(dim=0)",
    (
        "mean_probabilities = torch.softmax(router_logits.float(), "
        "dim=-1).mean(dim=0, keepdim = True)"
    ),
    because="A dimension of size 1 more is gone after the mean or the sum.",
)
exercise.equivalent(
    "mean_probabilities = torch.softmax(router_logits.float(), dim=-1).mean(dim=0)",
    "mean_probabilities = torch.softmax(router_logits.float(), dim=+1).mean(dim=0)",
    because="The values have two dimensions: the last one is dimension 1, and topk's own.",
)
exercise.equivalent(
    (
        "def compute_load_balancing_loss(router_logits: torch.Tensor, top_k: int = "
        "2) -> torch.Tensor:"
    ),
    (
        "def compute_load_balancing_loss(router_logits: torch.Tensor, top_k: int = "
        "1) -> torch.Tensor:"
    ),
    because="The value does not depend on top_k.",
)
