"""The one error of full-scale models."""

from __future__ import annotations


class ModelError(Exception):
    """A model that cannot be had or does not fit, in a sentence that says what to do."""
