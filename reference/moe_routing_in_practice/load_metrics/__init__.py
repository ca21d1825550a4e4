"""Solution and statement, checks, and known-wrong solutions of `load_metrics`."""

from __future__ import annotations

from reference.moe_routing_in_practice.load_metrics import chaffs, checks, equivalents
from reference.moe_routing_in_practice.load_metrics.solution import exercise, load_metrics

__all__ = ["chaffs", "checks", "equivalents", "exercise", "load_metrics"]
