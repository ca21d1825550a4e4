"""Solution and statement, checks, and known-wrong solutions of `compare_top_k`."""

from __future__ import annotations

from reference.moe_router_analysis.compare_top_k import chaffs, checks, equivalents
from reference.moe_router_analysis.compare_top_k.solution import compare_top_k, exercise

__all__ = ["chaffs", "checks", "compare_top_k", "equivalents", "exercise"]
