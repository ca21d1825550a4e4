"""The exercise `plot_topk_routing`: solution and statement, checks, known-wrong solutions."""

from __future__ import annotations

from reference.moe_router_analysis.plot_topk_routing import chaffs, checks, equivalents
from reference.moe_router_analysis.plot_topk_routing.solution import (
    exercise,
    plot_topk_routing,
)

__all__ = ["chaffs", "checks", "equivalents", "exercise", "plot_topk_routing"]
