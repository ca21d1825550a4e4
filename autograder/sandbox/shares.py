"""How much of the processors a process got: a time limit may not punish what others took from it.

Where the kernel shares processors by thread (no control group, no autogroup), many busy threads
slow down a neighbour many times. The counters are described in proc(5) and in the kernel's
scheduler/sched-stats.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

MOST_TIMES = 10  # the limit that a request may last on the clock while its process is kept waiting
_CPUCLOCK_SCHED = 2  # of linux/posix-timers.h: the clock that clock_getcpuclockid(3) names
_TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


@dataclass(frozen=True, slots=True)
class Shares:
    """Seconds since a process began: `used` by all its threads, `waited` for a processor by its
    first one, in which answers run.
    """

    used: float = 0.0
    waited: float = 0.0


def shares_of(pid: int) -> Shares:
    """What a process got so far; nothing where the kernel does not tell."""
    used = waited = 0.0
    with suppress(OSError, ValueError, IndexError):
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
        used = (int(fields[11]) + int(fields[12])) / _TICKS
        waited = int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / 1e9
    return Shares(used, waited)


def kept_waiting(pid: int, before: Shares, limit: float) -> float:
    """Seconds since `before` that a process wanted to run and others had the processors.

    None are granted to one that used as much processor time as its limit allows on the clock.
    """
    now = shares_of(pid)
    if now.used - before.used >= limit:
        return 0.0
    return max(now.waited - before.waited, 0.0)


def processor_seconds(pid: int) -> float:
    """Processor time that all threads of a process have used, by the kernel's own clock.

    0 where there is no such process. Where the kernel does not give its clock, as exact as
    `shares_of`.
    """
    try:
        return time.clock_gettime(~pid << 3 | _CPUCLOCK_SCHED) if pid > 0 else 0.0
    except OSError:
        return shares_of(pid).used
