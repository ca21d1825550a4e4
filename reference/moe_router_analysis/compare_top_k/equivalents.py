"""Changes of `compare_top_k` that no check can see, and why they make no difference."""

from __future__ import annotations

from reference.moe_router_analysis.compare_top_k import exercise

exercise.equivalent(
    "return {k: _entry(logits.detach().float(), k) for k in top_ks}",
    "return {k: _entry(logits.float(), k) for k in top_ks}",
    because="What is returned may carry a gradient or not.",
)
exercise.equivalent(
    "selected, chosen = logits.topk(k, dim=-1)",
    "selected, chosen = logits.topk(k, )",
    "selected, chosen = logits.topk(k, dim=+1)",
    because="The values have two dimensions: the last one is dimension 1, and topk's own.",
)
exercise.equivalent(
    "first = torch.softmax(selected, dim=-1)[:, 0].double()",
    "first = torch.softmax(selected, dim=-1)[:, 0]",
    because="A tensor of one value is a number, too; float32 is precise enough.",
)
exercise.equivalent(
    "first = torch.softmax(selected, dim=-1)[:, 0].double()",
    "first = torch.softmax(selected, dim=+1)[:, 0].double()",
    because="The values have two dimensions: the last one is dimension 1, and topk's own.",
)
exercise.equivalent(
    '"mean_first_expert_weight": first.mean().item(),',
    '"mean_first_expert_weight": first.mean(),',
    because="A tensor of one value is a number, too; float32 is precise enough.",
)
exercise.equivalent(
    '"std_first_expert_weight": first.std().item() if len(first) > 1 else 0.0,',
    '"std_first_expert_weight": first.std() if len(first) > 1 else 0.0,',
    because="A tensor of one value is a number, too; float32 is precise enough.",
)
exercise.equivalent(
    '"std_first_expert_weight": first.std().item() if len(first) > 1 else 0.0,',
    '"std_first_expert_weight": first.std().item() if len(first) != 1 else 0.0,',
    because="A count is never negative.",
)
exercise.equivalent(
    '"experts_used": int((torch.bincount(chosen.flatten()) > 0).sum()),',
    '"experts_used": int((torch.bincount(chosen.flatten()) != 0).sum()),',
    because="A count is never negative.",
)
