"""Reading what a stranger decided the size and shape of, in a process of its own with limits."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from autograder.interpreter import isolated

MAX_MEMORY = 1 << 30  # bytes of the process
MAX_SECONDS = 60
ATTEMPTS = 4  # where somebody else ended the process, or it could not be started

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
    for attempt in range(ATTEMPTS):
        began = time.monotonic()
        try:
            answered = subprocess.run(  # noqa: S603 - our own program
                isolated(program),
                input=data,
                capture_output=True,
                check=True,
                timeout=2 * MAX_SECONDS,
            )
            return json.loads(answered.stdout)
        except subprocess.CalledProcessError as ended:
            early = time.monotonic() - began < MAX_SECONDS
            if not early or ended.returncode not in _BY_OTHERS:
                return None  # the data did that
        except (subprocess.SubprocessError, ValueError):
            return None
        except OSError:
            time.sleep(attempt)  # the machine may be full for a moment
    return None


# A limit of the kernel also kills, but only after MAX_SECONDS.
_BY_OTHERS = (-signal.SIGTERM, -getattr(signal, "SIGKILL", signal.SIGTERM))


def limit_this_process() -> None:
    """Limit the memory and the processor time of this process for good."""
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, MAX_MEMORY))
        resource.setrlimit(resource.RLIMIT_CPU, (MAX_SECONDS, MAX_SECONDS))
