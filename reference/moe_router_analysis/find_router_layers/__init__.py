"""The exercise `find_router_layers`: statement and solution, checks, wheats and chaffs."""

from __future__ import annotations

from reference.moe_router_analysis.find_router_layers import chaffs, checks
from reference.moe_router_analysis.find_router_layers.solution import exercise, find_router_layers

__all__ = ["chaffs", "checks", "exercise", "find_router_layers"]
