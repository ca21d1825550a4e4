"""The errors of the sandbox."""

from __future__ import annotations


class SandboxError(Exception):
    """The sandbox cannot be set up or has stopped, in one sentence."""


class ChildNotReadyError(SandboxError):
    """One child could not be set up; another one may be."""
