"""What a child tries on itself before any submission is graded: every attempt must be refused.

The grader decides; this only tries, with an honest computation as the control.
"""

from __future__ import annotations

import importlib
import os
import signal
import socket
import threading
from collections.abc import Callable
from typing import Any

import torch


def probe(targets: dict[str, Any]) -> dict[str, str]:
    """Try each forbidden thing; the value is "" where it was refused, else what was gained.

    `targets`: `secret` and `engine` (files that must stay unreadable), `module` (that must not be
    importable), `folder` (that must stay unwritable), `process` (that must not be signalled or
    seen), `variable` (of its environment), `bytes` (that must not be allocated).
    """
    attempts: dict[str, Callable[[], str]] = {
        "reading the grader's files": lambda: _read(targets["secret"]),
        "reading the engine": lambda: _read(targets["engine"]),
        "looking at the grader's process": lambda: _read(f"/proc/{targets['process']}/cmdline"),
        "listing processes": lambda: " ".join(os.listdir("/proc")[:3]),
        "importing the reference": lambda: _import(targets["module"]),
        "writing a lasting file": lambda: _write(targets["folder"]),
        "signalling the grader": lambda: _signal(targets["process"]),
        "opening a socket": _socket,
        "starting a process": _fork,
        "reading the environment": lambda: os.environ.get(targets["variable"], ""),
        "allocating beyond the limit": lambda: _allocate(targets["bytes"]),
    }
    found = {name: _tried(attempt) for name, attempt in attempts.items()}
    found["control"] = _control()
    return found


def _tried(attempt: Callable[[], str]) -> str:
    try:
        return attempt()
    except Exception:
        return ""


def _control() -> str:
    """The honest computation: torch works, and a thread can be started."""
    total: list[float] = []
    thread = threading.Thread(target=lambda: total.append(float(torch.arange(5.0).square().sum())))
    thread.start()
    thread.join()
    return "works" if total == [30.0] else "broken"


def _read(path: str) -> str:
    with open(path, encoding="utf-8") as file:
        return file.read(100) or "an empty file"


def _import(name: str) -> str:
    """A covered folder can still be imported as a namespace, but nothing is in it."""
    module = importlib.import_module(name)
    folders = list(getattr(module, "__path__", ()))
    found = getattr(module, "__file__", None) or [os.listdir(folder) for folder in folders]
    return f"imported {name}" if any(found) else ""


def _write(folder: str) -> str:
    path = os.path.join(folder, "written-by-the-sandbox")
    with open(path, "w", encoding="utf-8") as file:
        file.write("x")
    return path


def _signal(process: int) -> str:
    os.kill(process, signal.SIGCONT)
    return f"signalled {process}"


def _socket() -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM):
        return "opened a socket"


def _fork() -> str:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    return "started a process"


def _allocate(size: int) -> str:
    block = torch.empty(size, dtype=torch.uint8)
    return f"allocated {block.numel()} bytes"
