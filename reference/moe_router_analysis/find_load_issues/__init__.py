"""Solution and statement, checks, and known-wrong solutions of `find_load_issues`."""

from __future__ import annotations

from reference.moe_router_analysis.find_load_issues import chaffs, checks, equivalents
from reference.moe_router_analysis.find_load_issues.solution import exercise, find_load_issues

__all__ = ["chaffs", "checks", "equivalents", "exercise", "find_load_issues"]
