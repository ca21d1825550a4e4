"""Changes of `route` that no check can see, and why they make no difference."""

from __future__ import annotations

from reference.moe_routing_in_practice.route import exercise

exercise.equivalent(
    "values = logits.detach().float()",
    "values = logits.float()",
    because="What is returned may carry a gradient or not.",
)
exercise.equivalent(
    "scores = torch.softmax(values, dim=-1)",
    "scores = torch.softmax(values, dim=+1)",
    because="The values have two dimensions: the last one is dimension 1, and topk's own.",
)
exercise.equivalent(
    "biased = scores if bias is None else scores + bias.detach().float()",
    "biased = scores if bias is None else scores + bias.float()",
    because="What is returned may carry a gradient or not.",
)
exercise.equivalent(
    "if n_group > 1:",
    "if n_group != 1:",
    because="An n_group below 1 is refused before.",
)
exercise.equivalent(
    "indices = biased.topk(top_k, dim=-1).indices",
    "indices = biased.topk(top_k, ).indices",
    "indices = biased.topk(top_k, dim=+1).indices",
    because="The values have two dimensions: the last one is dimension 1, and topk's own.",
)
exercise.equivalent(
    "weights = weights / (weights.sum(dim=-1, keepdim=True) + 1e-20)",
    "weights = weights / (weights.sum(dim=-1, keepdim=True) - 1e-20)",
    because="1e-20 is less than float32 can tell apart in a sum of scores.",
)
exercise.equivalent(
    "weights = weights / (weights.sum(dim=-1, keepdim=True) + 1e-20)",
    "weights = weights / (weights.sum(dim=+1, keepdim=True) + 1e-20)",
    because="The values have two dimensions: the last one is dimension 1, and topk's own.",
)
exercise.equivalent(
    "if n_group < 1 or experts % n_group or (n_group > 1 and experts // n_group < 2):",
    "if n_group < 1 or experts % n_group or (n_group != 1 and experts // n_group < 2):",
    because="A count is never negative.",
)
exercise.equivalent(
    "group_scores = grouped.topk(group_best, dim=-1).values.sum(dim=-1)",
    "group_scores = grouped.topk(group_best, ).values.sum(dim=-1)",
    because="The values have two dimensions: the last one is dimension 1, and topk's own.",
)
exercise.equivalent(
    "best = group_scores.topk(topk_group, dim=-1).indices",
    "best = group_scores.topk(topk_group, ).indices",
    "best = group_scores.topk(topk_group, dim=+1).indices",
    because="The values have two dimensions: the last one is dimension 1, and topk's own.",
)
exercise.equivalent(
    'return grouped.masked_fill(closed.unsqueeze(-1), float("-inf")).flatten(1)',
    'return grouped.masked_fill(closed.unsqueeze(-1), float("-INF")).flatten(1)',
    because="Python reads both as the same number.",
)
exercise.equivalent(
    'if scoring == "softmax":',
    'if scoring >= "softmax":',
    because="Other names are refused before.",
)
exercise.equivalent(
    'elif scoring == "sigmoid":',
    'elif scoring >= "sigmoid":',
    because="Other names are refused before.",
)
exercise.equivalent(
    "biased = scores if bias is None else scores + bias.detach().float()",
    "biased = scores if bias is None else scores + bias.detach()",
    because="The exercise gives a bias in float32.",
)
exercise.equivalent(
    "if n_group > 1:",
    "if experts > 1:",
    "if top_k > 1:",
    "if True:",
    "if n_group >= 1:",
    "if n_group > 0:",
    because="With one group, the best group is all experts; more cannot hold less than two each.",
)
exercise.equivalent(
    "if n_group < 1 or experts % n_group or (n_group > 1 and experts // n_group < 2):",
    "if n_group < 1 or experts % n_group or (experts > 1 and experts // n_group < 2):",
    "if n_group < 1 or experts % n_group or (n_group >= 1 and experts // n_group < 2):",
    "if n_group < 1 or experts % n_group or (n_group > 1 and experts / n_group < 2):",
    "if n_group < 1 or experts % n_group or (n_group > 1 and experts - n_group < 2):",
    "if n_group < 1 or experts % n_group or (n_group > 1 and experts ^ n_group < 2):",
    "if n_group < 1 or experts % n_group or (n_group > 0 and experts // n_group < 2):",
    because="With one group, the best group is all experts; more cannot hold less than two each.",
)
exercise.equivalent(
    "if not 1 <= topk_group <= n_group:",
    "if not 0 <= topk_group <= n_group:",
    because="With one group, the best group is all experts; more cannot hold less than two each.",
)
exercise.equivalent(
    "eligible = experts // n_group * topk_group",
    "eligible = experts / n_group * topk_group",
    because="n_group divides E.",
)
exercise.equivalent(
    "group_scores = grouped.topk(group_best, dim=-1).values.sum(dim=-1)",
    "group_scores = grouped.topk(group_best, dim=-1).values.mean(dim=-1)",
    because="The mean of two ranks groups as their sum does.",
)
