"""The lab bench: small MoE models with known routing, a tokenizer, and what checks are made of.

This package stands on its own (torch, transformers and numpy only). The grader and the sandbox use
it as `autograder.lab`; `moelab build` copies it word for word into the student edition as `moe_lab`.
"""

from __future__ import annotations

from .calls import Answer, CallFailed, Gradient
from .compare import BFLOAT16, EXACT, FLOAT32, Tolerance, difference

__all__ = [
    "BFLOAT16",
    "EXACT",
    "FLOAT32",
    "Answer",
    "CallFailed",
    "Gradient",
    "Tolerance",
    "difference",
]
