"""What this machine offers for grading, found out by trying."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

PACKAGES = ("moelab", "torch", "transformers", "numpy", "otter-grader", "sandlock", "sqlalchemy")
_PROMISES = {
    "namespaces": "submissions see nothing but Python",
    "landlock": "submissions can open nothing but Python, though they can see that a path exists",
}
NEEDS_LINUX = "isolation needs Linux: use a Linux machine, WSL 2 or a container"


@dataclass(frozen=True, slots=True)
class Fact:
    """One line of the examination; `trouble` says what it prevents and how to mend it."""

    what: str
    found: str
    good: bool = True
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """All facts, and whether grading works here."""

    facts: tuple[Fact, ...]
    can_grade: bool


def examine() -> Diagnosis:
    """Look at this machine. Starts the sandbox for its self-test, which takes some seconds."""
    levels = list(_isolation())
    facts = (*_machine(), *_packages(), *levels, *_memory_in_total(), *_gpus(), _cache())
    return Diagnosis(facts, can_grade=any(level.good for level in levels))


def _machine() -> Iterator[Fact]:
    yield Fact("Python", f"{platform.python_version()} ({sys.executable})")
    yield Fact("system", f"{platform.system()} {platform.release()} {platform.machine()}")
    yield Fact("cores", str(cores()))
    from autograder.sandbox.cgroups import machine_memory

    memory = machine_memory()
    if memory:
        yield Fact("memory", f"{memory / 2**30:.1f} GiB")


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def _packages() -> Iterator[Fact]:
    for name in PACKAGES:
        try:
            yield Fact(name, metadata.version(name))
        except metadata.PackageNotFoundError:
            wanted = name != "sandlock" or sys.platform == "linux"
            trouble = f"pip install {name}" if wanted and name != "moelab" else ""
            yield Fact(name, "not installed", not trouble, trouble)


def _isolation() -> Iterator[Fact]:
    if sys.platform != "linux":
        yield Fact("isolation", "none", good=False, trouble=NEEDS_LINUX)
        return
    from autograder.sandbox.diagnosis import cause_of, look
    from autograder.sandbox.isolation import probe

    facts = look()
    for report in probe():
        what = f"isolation {report.level}"
        if report.works:
            yield Fact(what, f"works (self-test passed): {_PROMISES[report.level]}")
            continue
        cause = cause_of(report.level, facts)
        why, remedy = (cause.why, cause.remedy) if cause else (report.reason, "")
        yield Fact(what, f"does not work: {why}", good=False, trouble=remedy)


def _memory_in_total() -> Iterator[Fact]:
    if sys.platform != "linux":
        return
    from autograder.sandbox.cgroups import HOW, why_not

    reason = why_not()
    bounded = "bounded by the kernel (control groups)"
    yield Fact("memory of all", reason or bounded, not reason, HOW if reason else "")


def _gpus() -> Iterator[Fact]:
    import torch

    if not torch.cuda.is_available():
        yield Fact("GPUs", "none that torch can use (not needed for the tiny models)")
        return
    for number in range(torch.cuda.device_count()):
        about = torch.cuda.get_device_properties(number)
        yield Fact(f"cuda:{number}", f"{about.name}, {about.total_memory / 2**30:.0f} GiB")


def _cache() -> Fact:
    """Where Hugging Face models are kept, by the rules of `huggingface_hub.constants`."""
    from huggingface_hub import constants

    folder = Path(constants.HF_HUB_CACHE)
    models = len(list(folder.glob("models--*"))) if folder.is_dir() else 0
    return Fact("model cache", f"{folder}, {models} models" if models else f"{folder}, empty")
