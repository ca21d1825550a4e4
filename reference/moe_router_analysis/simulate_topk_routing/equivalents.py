"""Changes of `simulate_topk_routing` that no check can see, and why they make no difference."""

from __future__ import annotations

from reference.moe_router_analysis.simulate_topk_routing import exercise

exercise.equivalent(
    "if tokens == 0:",
    "if tokens <= 0:",
    because="A count is never negative.",
)
exercise.equivalent(
    "selected, top_indices = torch.topk(logits.detach().float(), top_k, dim=-1)",
    "selected, top_indices = torch.topk(logits.float(), top_k, dim=-1)",
    because="What is returned may carry a gradient or not.",
)
exercise.equivalent(
    "selected, top_indices = torch.topk(logits.detach().float(), top_k, dim=-1)",
    "selected, top_indices = torch.topk(logits.detach().float(), top_k, )",
    "selected, top_indices = torch.topk(logits.detach().float(), top_k, dim=+1)",
    because="The values have two dimensions: the last one is dimension 1, and topk's own.",
)
exercise.equivalent(
    "routing_weights = torch.softmax(selected, dim=-1)",
    "routing_weights = torch.softmax(selected, dim=+1)",
    because="The values have two dimensions: the last one is dimension 1, and topk's own.",
)
exercise.equivalent(
    ("sums = torch.bincount(slots, weights=routing_weights.flatten().double(), minlength=experts)"),
    "sums = torch.bincount(slots, weights=routing_weights.flatten(), minlength=experts)",
    because="A tensor of one value is a number, too; float32 is precise enough.",
)
exercise.equivalent(
    "first = routing_weights[:, 0].double()",
    "first = routing_weights[:, 0]",
    because="A tensor of one value is a number, too; float32 is precise enough.",
)
exercise.equivalent(
    '"mean_first_expert_weight": first.mean().item(),',
    '"mean_first_expert_weight": first.mean(),',
    because="A tensor of one value is a number, too; float32 is precise enough.",
)
exercise.equivalent(
    '"std_first_expert_weight": first.std().item() if tokens > 1 else 0.0,',
    '"std_first_expert_weight": first.std() if tokens > 1 else 0.0,',
    because="A tensor of one value is a number, too; float32 is precise enough.",
)
exercise.equivalent(
    '"std_first_expert_weight": first.std().item() if tokens > 1 else 0.0,',
    '"std_first_expert_weight": first.std().item() if tokens != 1 else 0.0,',
    because="A count is never negative.",
)
