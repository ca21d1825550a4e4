"""The exercise `plot_router_weights`: solution and statement, checks, known-wrong solutions."""

from __future__ import annotations

from reference.moe_router_analysis.plot_router_weights import chaffs, checks, equivalents
from reference.moe_router_analysis.plot_router_weights.solution import exercise, plot_router_weights

__all__ = ["chaffs", "checks", "equivalents", "exercise", "plot_router_weights"]
