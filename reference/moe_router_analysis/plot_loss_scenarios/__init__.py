"""The exercise `plot_loss_scenarios`: solution and statement, checks, known-wrong solutions."""

from __future__ import annotations

from reference.moe_router_analysis.plot_loss_scenarios import chaffs, checks, equivalents
from reference.moe_router_analysis.plot_loss_scenarios.solution import (
    exercise,
    plot_loss_scenarios,
)

__all__ = ["chaffs", "checks", "equivalents", "exercise", "plot_loss_scenarios"]
