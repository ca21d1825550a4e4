"""The lab bench: small MoE models with known routing, a tokenizer, and what checks are made of.

This package stands on its own (torch, transformers and numpy only). The grader and the sandbox
use it as `autograder.lab`; `moelab build` copies it word for word into the student edition as
`moe_lab`.
"""

from __future__ import annotations

from .bench import Bench
from .calls import Answer, CallFailed, Gradient
from .compare import BFLOAT16, EXACT, FLOAT32, Tolerance, difference
from .handin import hand_in
from .loading import load_model, load_tokenizer
from .saved import this_notebook

__all__ = [
    "BFLOAT16",
    "EXACT",
    "FLOAT32",
    "Answer",
    "Bench",
    "CallFailed",
    "Gradient",
    "Tolerance",
    "difference",
    "hand_in",
    "load_model",
    "load_tokenizer",
    "this_notebook",
]
