"""Take memory that the limit on address space might not see, at most 4 GB.

Tries: shared anonymous mappings that are unmapped again, /dev/shm, memory files, System V segments,
    `MAP_NORESERVE` and huge pages, files in the private folder.
Success: more memory stays in use than the limit allows.
Outcome: refused or memory or error or died.
"""

import ctypes
import mmap

import pyseccomp
import torch

libc = ctypes.CDLL(None, use_errno=True)


def call(name, *arguments):
    """A system call by its name, on any architecture; -1 where it is refused or unknown."""
    number = pyseccomp.resolve_syscall(pyseccomp.Arch.NATIVE, name)
    return libc.syscall(number, *arguments) if number >= 0 else -1


def attack(targets, model):
    held = 0
    if call("memfd_create", b"x", 0) >= 0 or libc.shmget(0, 1 << 30, 0o1600) >= 0:
        return "got a file or a segment in memory"
    mappings = []
    for flags in (
        mmap.MAP_SHARED | mmap.MAP_ANONYMOUS,
        mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x4000,
        mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x40000,
    ):
        for _ in range(16):
            try:
                block = mmap.mmap(-1, 256 << 20, flags=flags)
            except (OSError, ValueError):
                break
            held += 256 << 20
            mappings.append(block)
    for block in mappings:
        block.close()
    try:
        shared = torch.zeros(1 << 28, dtype=torch.uint8).share_memory_()
        held += shared.numel()
    except RuntimeError:
        pass
    return f"{held} bytes" if held > 1200 << 20 else ""
