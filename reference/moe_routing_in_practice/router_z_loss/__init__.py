"""Solution and statement, checks, and known-wrong solutions of `router_z_loss`."""

from __future__ import annotations

from reference.moe_routing_in_practice.router_z_loss import chaffs, checks, equivalents
from reference.moe_routing_in_practice.router_z_loss.solution import exercise, router_z_loss

__all__ = ["chaffs", "checks", "equivalents", "exercise", "router_z_loss"]
