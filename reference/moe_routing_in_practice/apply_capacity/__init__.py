"""Solution and statement, checks, and known-wrong solutions of `apply_capacity`."""

from __future__ import annotations

from reference.moe_routing_in_practice.apply_capacity import chaffs, checks, equivalents
from reference.moe_routing_in_practice.apply_capacity.solution import apply_capacity, exercise

__all__ = ["apply_capacity", "chaffs", "checks", "equivalents", "exercise"]
