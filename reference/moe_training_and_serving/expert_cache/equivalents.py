"""Changes of `expert_cache` that no check can see, and why they make no difference."""

from __future__ import annotations

from reference.moe_training_and_serving.expert_cache import exercise

exercise.equivalent(
    "if bool(((indices < 0) | (indices >= num_experts)).any()):",
    "if bool(((indices < 0) + (indices >= num_experts)).any()):",
    "if bool(((indices < 0) ^ (indices >= num_experts)).any()):",
    because="An index cannot be below 0 and too large at once.",
)
exercise.equivalent(
    "last_use = [-1] * num_experts",
    "last_use = [+1] * num_experts",
    "last_use = [-2] * num_experts",
    "last_use = [not 1] * num_experts",
    "last_use = [- 0] * num_experts",
    because="An expert in the cache has been used, so its last use is known.",
)
exercise.equivalent(
    "uses = [0] * num_experts",
    "uses = [1] * num_experts",
    "uses = [ -1] * num_experts",
    because="Where all counts begin does not matter for their order.",
)
exercise.equivalent(
    "uses[expert] += 1",
    "uses[expert] += 2",
    because="The order of the counts stays the same.",
)
exercise.equivalent(
    '"belady": lambda expert: -future[expert][0] if future[expert] else -tokens,',
    '"belady": lambda expert: -future[expert][0] if future[expert] else ~tokens,',
    because="Every number after the last token is never.",
)
exercise.equivalent(
    "too_many = max(0, len(idle) + top_k - cache_size)",
    "too_many = max(len(idle) + top_k - cache_size, 0)",
    because="The larger of two numbers is the same in either order.",
)
exercise.equivalent(
    '"loads": torch.tensor(loads, dtype=torch.int64, device=indices.device),',
    '"loads": torch.tensor(loads, dtype=torch.int64, device=None),',
    '"loads": torch.tensor(loads, dtype=torch.int64, ),',
    because="It differs on a GPU alone, where checks with `--device cuda` see it.",
)
exercise.equivalent(
    '"loads": torch.tensor(loads, dtype=torch.int64, device=indices.device),',
    '"loads": torch.tensor(loads, dtype=None, device=indices.device),',
    '"loads": torch.tensor(loads, device=indices.device),',
    because="A list of Python integers becomes int64 anyway.",
)
