"""What CUDA needs while it starts in a child, and what of that is gone when a submission runs."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager

from autograder import linux
from autograder.inside import rootfs
from autograder.inside.spec import GpuAccess

_SHARED_MEMORY = "/dev/shm"  # noqa: S108 - where CUDA looks for the handles of other processes
_BLOCKING_SYNC = 4  # CU_CTX_SCHED_BLOCKING_SYNC


@contextmanager
def start_up(access: GpuAccess) -> Iterator[None]:
    """In namespaces: /proc of this child alone and the owner's handles, for the start of CUDA."""
    linux.mount("proc", "/proc", "proc", linux.MS_NOSUID | linux.MS_NODEV)
    placed = []
    for handle in access.handles:
        place = os.path.join(_SHARED_MEMORY, os.path.basename(handle))
        with open(place, "x", encoding="ascii"):
            placed.append(place)
        linux.mount(rootfs.kept_handle(handle), place, flags=linux.MS_BIND)
    yield
    for place in placed:
        linux.unmount(place)
        os.unlink(place)
    linux.unmount("/proc")


def sleep_while_waiting() -> None:
    """Before CUDA starts: let this process sleep while it waits for a GPU, not spin.

    Many processes share a GPU in turns, and the cores with those that compute.
    """
    driver = ctypes.CDLL("libcuda.so.1")
    count = ctypes.c_int(0)
    failed = driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count))
    if failed or any(
        driver.cuDevicePrimaryCtxSetFlags_v2(number, _BLOCKING_SYNC)
        for number in range(count.value)
    ):
        raise RuntimeError("NVIDIA's driver could not be started")


def address_space() -> int:
    """The bytes of address space that this process uses, most of them reserved by CUDA."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[0]) * os.sysconf("SC_PAGESIZE")
