"""The one error of the sandbox."""

from __future__ import annotations


class SandboxError(Exception):
    """The sandbox cannot be set up or has stopped, in one sentence."""
