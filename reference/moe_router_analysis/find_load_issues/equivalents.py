"""Changes of `find_load_issues` that no check can see, and why they make no difference."""

from __future__ import annotations

from reference.moe_router_analysis.find_load_issues import exercise

exercise.equivalent(
    '"overloaded": sorted(heavy, key=lambda load: -load[1]),',
    '"overloaded": sorted(heavy, key=lambda load: ~load[1]),',
    because="Both sort whole numbers alike.",
)
