"""Solution and statement, checks, and known-wrong solutions of `router_weight_statistics`."""

from __future__ import annotations

from reference.moe_router_analysis.router_weight_statistics import chaffs, checks, equivalents
from reference.moe_router_analysis.router_weight_statistics.solution import (
    exercise,
    router_weight_statistics,
)

__all__ = ["chaffs", "checks", "equivalents", "exercise", "router_weight_statistics"]
