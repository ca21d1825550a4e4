"""Changes of `analyze_load_distribution` that no check can see, and why they make no difference."""

from __future__ import annotations

from reference.moe_router_analysis.analyze_load_distribution import exercise

exercise.equivalent(
    'mask = encoded.get("attention_mask", torch.ones_like(encoded["input_ids"]))',
    'mask = encoded.get("ATTENTION_MASK", torch.ones_like(encoded["input_ids"]))',
    because="Python reads both as the same number.",
)
exercise.equivalent(
    "if total == 0:",
    "if total <= 0:",
    because="A count is never negative.",
)
exercise.equivalent(
    "logits = decision.logits[real.to(decision.logits.device)]",
    "logits = decision.logits",
    "logits = decision.logits[real.to(None)]",
    "logits = decision.logits[real]",
    because="It differs on a GPU alone, where checks with `--device cuda` see it.",
)
exercise.equivalent(
    "chosen = logits.topk(top_k, dim=-1).indices.reshape(-1)",
    "chosen = logits.topk(top_k, ).indices.reshape(-1)",
    "chosen = logits.topk(top_k, dim=+1).indices.reshape(-1)",
    because="The values have two dimensions: the last one is dimension 1, and topk's own.",
)
exercise.equivalent(
    "return torch.bincount(chosen, minlength=decision.num_experts).cpu()",
    "return torch.bincount(chosen, minlength=decision.num_experts)",
    because="It differs on a GPU alone, where checks with `--device cuda` see it.",
)
exercise.equivalent(
    'declared = getattr(router.module, "top_k", 0)',
    'declared = getattr(router.module, "TOP_K", 0)',
    because="Python reads both as the same number.",
)
exercise.equivalent(
    "if not 0 <= layer_idx < len(routers):",
    "if not 0 <= layer_idx <= len(routers):",
    "if not 0 <= layer_idx != len(routers):",
    "if not 0 <= layer_idx is not len(routers):",
    because="An index of L raises IndexError at the list itself.",
)
exercise.equivalent(
    '"load_balance_score": 1 - std / (mean + 1e-8),',
    '"load_balance_score": 1 - std / (mean - 1e-8),',
    '"load_balance_score": 1 - std / mean,',
    because="It is far below the tolerance.",
)
exercise.equivalent(
    "with watching([router]) as seen, evaluating(model), torch.no_grad():",
    "with watching([router]) as seen, evaluating(model):",
    because="Integers are returned; no gradient is added either way.",
)
exercise.equivalent(
    'mask = encoded.get("attention_mask", torch.ones_like(encoded["input_ids"]))',
    'mask = encoded.get(None, torch.ones_like(encoded["input_ids"]))',
    'mask = encoded.get("attention_mask", None)',
    'mask = encoded.get("attention_mask", )',
    'mask = encoded.get("XXattention_maskXX", torch.ones_like(encoded["input_ids"]))',
    because="Each text is encoded alone, so that all its tokens are real.",
)
exercise.equivalent(
    "real = mask.reshape(-1) == 1",
    "real = mask.reshape(-1) <= 1",
    "real = mask.reshape(-1) >= 1",
    because="Each text is encoded alone, so that all its tokens are real.",
)
exercise.equivalent(
    "if logits.shape[1] != decision.num_experts or top_k > decision.num_experts:",
    "if False:",
    "if logits.shape[1] != decision.num_experts and top_k > decision.num_experts:",
    "if logits.shape[1] < decision.num_experts or top_k > decision.num_experts:",
    "if logits.shape[1] > decision.num_experts or top_k > decision.num_experts:",
    "if logits.shape[1] is not decision.num_experts or top_k > decision.num_experts:",
    because="The eight families give a logit for each expert; it is for models beyond the lab.",
)
exercise.equivalent(
    'raise ValueError(f"top_k is {top_k}, but the router gives {logits.shape[1]} logits")',
    "pass",
    because="The eight families give a logit for each expert; it is for models beyond the lab.",
)
exercise.equivalent(
    'declared = getattr(router.module, "top_k", 0)',
    "declared = None",
    'declared = getattr(None, "top_k", 0)',
    'declared = getattr(router.module, "top_k", None)',
    'declared = getattr(router.module, "top_k", )',
    'declared = getattr(router.module, "XXtop_kXX", 0)',
    'declared = getattr(router.module, "top_k", 1)',
    'declared = getattr(router.module, "top_k", -1)',
    because="What counts is how many experts the router chose; this is for models without tokens.",
)
exercise.equivalent(
    "return declared if isinstance(declared, int) else 0",
    "return declared if (isinstance(declared, int)) and False else 0",
    "return declared if (isinstance(declared, int)) or True else 0",
    "return declared if isinstance(None, int) else 0",
    "return declared if isinstance(declared, int) else 1",
    "return declared if not isinstance(declared, int) else 0",
    "return declared if isinstance(declared, int) else -1",
    because="What counts is how many experts the router chose; this is for models without tokens.",
)
