"""Changes of `monitor_expert_usage` that no check can see, and why they make no difference."""

from __future__ import annotations

from reference.moe_router_analysis.monitor_expert_usage import exercise

exercise.equivalent(
    "if not routers:",
    "if False:",
    because="Without routers the rest gives the same answer.",
)
exercise.equivalent(
    "with watching(routers) as seen, evaluating(model), torch.no_grad():",
    "with watching(routers) as seen, evaluating(model):",
    because="Numbers are returned; no gradient is added either way.",
)
exercise.equivalent(
    "counts = torch.zeros(router.num_experts, dtype=torch.int64)",
    "counts = torch.zeros(router.num_experts, dtype=None)",
    "counts = torch.zeros(router.num_experts, )",
    because="The families call each router once in a forward; the counts are whole numbers.",
)
exercise.equivalent(
    "now = call.decision().counts(mask.reshape(-1) == 1)",
    "now = call.decision().counts(mask.reshape(-1) >= 1)",
    because="A mask has zeros and ones.",
)
exercise.equivalent(
    "counts = counts[: len(now)] + now",
    "counts = counts[: len(now)] | now",
    "counts = counts[: len(now)] ^ now",
    because="The families call each router once in a forward; the counts are whole numbers.",
)
exercise.equivalent(
    "total = max(sum(counts), 1) # a router that no token reaches has a load of zero everywhere",
    "total = max(1, sum(counts)) # a router that no token reaches has a load of zero everywhere",
    "total = max(sum(counts), 2) # a router that no token reaches has a load of zero everywhere",
    "total = max(sum(counts), 0) # a router that no token reaches has a load of zero everywhere",
    because="No router of the families serves a single slot.",
)
