"""Changes of `router_weight_statistics` that no check can see, and why they make no difference."""

from __future__ import annotations

from reference.moe_router_analysis.router_weight_statistics import exercise

exercise.equivalent(
    "weights = router_weights.detach().float()",
    "weights = router_weights.float()",
    because="What is returned may carry a gradient or not.",
)
exercise.equivalent(
    "directions = weights / torch.where(lengths > 0, lengths, 1.0)",
    "directions = weights / torch.where(lengths != 0, lengths, 1.0)",
    because="A count is never negative.",
)
exercise.equivalent(
    'others = similarity.clone().fill_diagonal_(float("-inf"))',
    'others = similarity.clone().fill_diagonal_(float("-INF"))',
    because="Python reads both as the same number.",
)
exercise.equivalent(
    "directions = weights / torch.where(lengths > 0, lengths, 1.0)",
    "directions = weights / torch.where(lengths > 0, lengths, 2.0)",
    because="A row of zeros divided by anything is a row of zeros.",
)
exercise.equivalent(
    '"most_similar": others.argmax(dim=1),',
    '"most_similar": others.argmax(dim=0),',
    because="The matrix of similarities is symmetric.",
)
