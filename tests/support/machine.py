"""What the machine under the tests offers: isolation levels of its kernel, and other users."""

from __future__ import annotations

import atexit
import ctypes
import functools
import os
import subprocess
import sys
from pathlib import Path

import torch

from autograder.sandbox.isolation import Sandbox
from autograder.sandbox.limits import Limits

CHECKOUT = Path(__file__).resolve().parents[2]
SEED = "sandbox tests"
LIMITS = Limits(call=2.0, total=30.0, memory=384 << 20)
WORKER = os.getpid() % 4000  # which user of root's children this run takes

_TRY_NAMESPACES = """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
flags = 0x20000 | 0x4000000 | 0x8000000 | 0x20000000 | 0x40000000
flags |= 0 if os.geteuid() == 0 else 0x10000000
if libc.unshare(flags) != 0 or libc.mount(b"", b"/", None, 16384 | 1 << 18, None) != 0:
    raise SystemExit(os.strerror(ctypes.get_errno()))
"""


@functools.cache
def sandbox_at(level: str) -> Sandbox:
    """The one sandbox of this level that the tests share; starting one takes seconds."""
    torch.set_num_threads(1)
    sandbox = Sandbox((level,), SEED, LIMITS, worker=WORKER)
    atexit.register(sandbox.close)
    return sandbox


def kernel_lacks(level: str) -> str:
    """Why this kernel (or the container that the tests run in) has no such level; "" if it has."""
    if sys.platform != "linux":
        return "isolation needs Linux"
    if level == "landlock":
        version = ctypes.CDLL(None, use_errno=True).syscall(444, None, 0, 1)
        return "" if version >= 1 else "this kernel has no Landlock"
    tried = subprocess.run(
        [sys.executable, "-c", _TRY_NAMESPACES], capture_output=True, text=True, check=False
    )
    return f"no namespaces here: {tried.stderr.strip()}" if tried.returncode else ""


def as_ordinary_user() -> tuple[list[str], str]:
    """A command that runs Python as an ordinary user, and why there is none ("" if there is)."""
    return ([sys.executable], "") if os.geteuid() != 0 else elsewhere("user")


@functools.cache
def elsewhere(way: str) -> tuple[list[str], str]:
    """A command that runs Python in one of the ways of `elsewhere.py`, and why there is none."""
    if os.geteuid() != 0:
        return [], "becoming another user, or a container, needs root"
    command = [sys.executable, str(CHECKOUT / "tests/support/elsewhere.py"), way, sys.executable]
    tried = subprocess.run(
        [*command, "-c", "import autograder.sandbox, msgpack, numpy, pyseccomp, sandlock"],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.environ.get("PATH", "")},
    )
    return command, (tried.stderr.strip().splitlines() or ["?"])[-1] if tried.returncode else ""
