"""Reading what a stranger decided the size and shape of, in a process of its own with limits."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from autograder.interpreter import isolated

MAX_MEMORY = 1 << 30  # bytes of the process
MAX_SECONDS = 60

_PROGRAM = """
import json, sys
from autograder.submission.limited_process import limit_this_process
from {module} import {name}
limit_this_process()
json.dump({name}(sys.stdin.buffer.read()), sys.stdout)
"""


def ask(function: Callable[[bytes], Any], data: bytes) -> Any:
    """What a function of a module returns for the data, as JSON can hold it; `None` if it fails."""
    program = _PROGRAM.format(module=function.__module__, name=function.__name__)
    try:
        answered = subprocess.run(  # noqa: S603 - our own program
            isolated(program),
            input=data,
            capture_output=True,
            check=True,
            timeout=2 * MAX_SECONDS,
        )
        return json.loads(answered.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        return None


def limit_this_process() -> None:
    """Limit the memory and the processor time of this process for good."""
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, MAX_MEMORY))
        resource.setrlimit(resource.RLIMIT_CPU, (MAX_SECONDS, MAX_SECONDS))
