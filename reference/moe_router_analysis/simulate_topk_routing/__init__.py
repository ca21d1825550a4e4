"""Solution and statement, checks, and known-wrong solutions of `simulate_topk_routing`."""

from __future__ import annotations

from reference.moe_router_analysis.simulate_topk_routing import chaffs, checks, equivalents
from reference.moe_router_analysis.simulate_topk_routing.solution import (
    exercise,
    simulate_topk_routing,
)

__all__ = ["chaffs", "checks", "equivalents", "exercise", "simulate_topk_routing"]
