"""Solution and statement, checks, and known-wrong solutions of `compute_switch_loss`."""

from __future__ import annotations

from reference.moe_router_analysis.compute_switch_loss import chaffs, checks, equivalents, wheats
from reference.moe_router_analysis.compute_switch_loss.solution import (
    compute_switch_loss,
    exercise,
)

__all__ = ["chaffs", "checks", "compute_switch_loss", "equivalents", "exercise", "wheats"]
