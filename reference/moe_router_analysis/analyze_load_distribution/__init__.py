"""The exercise `analyze_load_distribution`: statement and solution, checks, wheats and chaffs."""

from __future__ import annotations

from reference.moe_router_analysis.analyze_load_distribution import (
    chaffs,
    chaffs_of_conduct,
    checks,
    equivalents,
    wheats,
)
from reference.moe_router_analysis.analyze_load_distribution.solution import (
    analyze_load_distribution,
    exercise,
)

__all__ = [
    "analyze_load_distribution",
    "chaffs",
    "chaffs_of_conduct",
    "checks",
    "equivalents",
    "exercise",
    "wheats",
]
