"""The exercise `monitor_expert_usage`: statement and solution, checks, wheats and chaffs."""

from __future__ import annotations

from reference.moe_router_analysis.monitor_expert_usage import chaffs, checks, equivalents
from reference.moe_router_analysis.monitor_expert_usage.solution import (
    exercise,
    monitor_expert_usage,
)

__all__ = ["chaffs", "checks", "equivalents", "exercise", "monitor_expert_usage"]
