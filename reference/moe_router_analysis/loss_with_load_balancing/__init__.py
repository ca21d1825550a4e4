"""The exercise `loss_with_load_balancing`: statement and solution, checks, wheats and chaffs."""

from __future__ import annotations

from reference.moe_router_analysis.loss_with_load_balancing import (
    chaffs,
    checks,
    equivalents,
    wheats,
)
from reference.moe_router_analysis.loss_with_load_balancing.solution import (
    exercise,
    loss_with_load_balancing,
)

__all__ = ["chaffs", "checks", "equivalents", "exercise", "loss_with_load_balancing", "wheats"]
