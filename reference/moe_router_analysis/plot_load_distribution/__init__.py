"""The exercise `plot_load_distribution`: solution and statement, checks, known-wrong solutions."""

from __future__ import annotations

from reference.moe_router_analysis.plot_load_distribution import chaffs, checks, equivalents
from reference.moe_router_analysis.plot_load_distribution.solution import (
    exercise,
    plot_load_distribution,
)

__all__ = ["chaffs", "checks", "equivalents", "exercise", "plot_load_distribution"]
