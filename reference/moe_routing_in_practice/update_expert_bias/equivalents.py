"""Changes of `update_expert_bias` that no check can see, and why they make no difference."""

from __future__ import annotations

from reference.moe_routing_in_practice.update_expert_bias import exercise

exercise.equivalent(
    "return bias.detach().float() - rate * excess.sign().float()",
    "return bias.float() - rate * excess.sign().float()",
    because="What is returned may carry a gradient or not.",
)
exercise.equivalent(
    "return bias.detach().float() - rate * excess.sign().float()",
    "return bias.detach() - rate * excess.sign().float()",
    because="The exercise gives a bias in float32.",
)
exercise.equivalent(
    "return bias.detach().float() - rate * excess.sign().float()",
    "return bias.detach().float() - rate * excess.sign()",
    because="Signs are exact in every dtype, and adding promotes them.",
)
