"""The one error of the build."""

from __future__ import annotations


class BuildError(Exception):
    """The student edition cannot be written; the message says what is wrong, where, what next."""
