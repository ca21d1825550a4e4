"""What the server that workers are forked from imports, once for all of them.

It also ends with the process that started it, and its workers with it: importing this module is
the only thing that the server does before it serves.
"""

from __future__ import annotations

import sys

import autograder.grading.worker
import autograder.models.owner

if sys.platform == "linux":
    from autograder.inside import kernel

    kernel.die_with_parent()

__all__ = ["autograder"]
