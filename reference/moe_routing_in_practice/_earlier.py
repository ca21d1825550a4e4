"""Answers that were written before a parameter came: they are graded on what they know.

A check of a later parameter asks for a right value without it first, so that this earns nothing by
itself; an answer that takes the parameter has to get it right.
"""

from __future__ import annotations

from typing import Any

from moelab_kit import Answer
from moelab_kit.calls import CallFailed


def lacks(answer: Answer, parameter: str, *args: Any, **kwargs: Any) -> bool:
    """Whether a call fails because the function has no such parameter."""
    try:
        answer(*args, **kwargs)
    except CallFailed as failed:
        raised = failed.raised
        return (
            raised is not None
            and raised.type_name == "TypeError"
            and "unexpected keyword argument" in raised.message
            and parameter in raised.message
        )
    return False
