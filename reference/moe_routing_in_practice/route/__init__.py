"""Solution and statement, checks, and known-wrong solutions of `route`."""

from __future__ import annotations

from reference.moe_routing_in_practice.route import (
    chaffs,
    chaffs_of_groups,
    checks,
    equivalents,
    wheats,
)
from reference.moe_routing_in_practice.route.solution import exercise, route

__all__ = ["chaffs", "chaffs_of_groups", "checks", "equivalents", "exercise", "route", "wheats"]
