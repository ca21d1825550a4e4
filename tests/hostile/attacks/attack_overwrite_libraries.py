"""Change a library for the submissions that follow.

Tries: opening torch's and Python's files for writing, replacing byte code, writing through a shared
    mapping, through /proc/self/mem and past `mprotect`.
Success: a library file is changed.
Outcome: refused.
"""

import ctypes
import json
import mmap
import os

import torch

libc = ctypes.CDLL(None, use_errno=True)


def attack(targets, model):
    for path in (torch.__file__, json.__file__, json.__cached__, "/usr/lib/os-release"):
        for mode in (os.O_WRONLY, os.O_RDWR, os.O_WRONLY | os.O_APPEND, os.O_WRONLY | os.O_TRUNC):
            try:
                os.open(path, mode)
                return f"opened {path} for writing"
            except OSError:
                pass
        try:
            descriptor = os.open(path, os.O_RDONLY)
        except OSError:
            continue
        try:
            mmap.mmap(descriptor, 4096, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)
            return f"mapped {path} for writing"
        except (OSError, ValueError):
            pass
        libc.mmap.restype = ctypes.c_void_p
        address = libc.mmap(None, 4096, 1, mmap.MAP_SHARED, descriptor, 0)
        if libc.mprotect(ctypes.c_void_p(address), 4096, 3) == 0:
            return f"made the mapping of {path} writable"
        if libc.ftruncate(descriptor, 0) == 0:
            return f"truncated {path}"
        if libc.fallocate(descriptor, 3, 0, 4096) == 0:
            return f"punched a hole into {path}"
        os.close(descriptor)
    try:
        os.open("/proc/self/mem", os.O_RDWR)
        return "opened its own memory"
    except OSError:
        return ""
