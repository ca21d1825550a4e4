"""What a sandbox costs at its start, with a fork server that is there and with one of its own.

    python benchmarks/sandbox_start.py [--rounds 5] [--at-once 4]

In turns in one run: a sandbox forked from a fork server that has imported the libraries; one that
waits for a fork server of its own, as every sandbox once had to; and several of each kind at once,
in processes of their own. Prints medians of wall time and of memory (what processes share counts
in part for each): the zygote's, with that of a fork server of its own.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from pathlib import Path

import with_tests  # noqa: F401
from interrupting import parent_of

from autograder.sandbox import forkserver
from autograder.sandbox.isolation import Sandbox, acceptable_levels
from autograder.sandbox.limits import Limits


def start(number: int, *, own: bool) -> tuple[float, float]:
    """Seconds until a sandbox is ready, and its memory in MiB."""
    shared = forkserver.SANDBOXES
    if own:
        forkserver.SANDBOXES = forkserver.OneForkServer(forkserver._sandboxes)
    started = time.monotonic()
    sandbox = Sandbox(acceptable_levels("auto"), f"benchmark {number}", Limits(), worker=number)
    seconds = time.monotonic() - started
    zygote = sandbox._zygote.process.pid
    memory = memory_of(parent_of(zygote) if own else zygote)
    sandbox.close()
    if own:
        forkserver.SANDBOXES.close()
        forkserver.SANDBOXES = shared
    return seconds, memory


def memory_of(process: int) -> float:
    """Proportional memory (MiB) of a process and of those below it."""
    children = Path(f"/proc/{process}/task/{process}/children").read_text(encoding="ascii").split()
    lines = Path(f"/proc/{process}/smaps_rollup").read_text(encoding="ascii").splitlines()
    own = next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return own / 1024 + sum(memory_of(int(child)) for child in children)


def at_once(count: int, *, own: bool) -> float:
    """Seconds until `count` processes have a sandbox each, started at the same time."""
    started = time.monotonic()
    processes = []
    for number in range(count):
        process = os.fork()
        if process == 0:
            start(number, own=own)
            os._exit(0)
        processes.append(process)
    for process in processes:
        os.waitpid(process, 0)
    return time.monotonic() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--at-once", type=int, default=4)
    options = parser.parse_args()
    start(0, own=False)
    kinds = {"from a warm fork server": False, "with a fork server of its own": True}
    single = {kind: [] for kind in kinds}
    several = {kind: [] for kind in kinds}
    for number in range(options.rounds):
        for kind, own in kinds.items():
            single[kind].append(start(number, own=own))
            several[kind].append(at_once(options.at_once, own=own))
    for kind in kinds:
        seconds, memory = (statistics.median(column) for column in zip(*single[kind], strict=True))
        together = statistics.median(several[kind])
        print(
            f"{kind:26} {seconds:6.2f} s   {options.at_once} at once {together:6.2f} s   "
            f"memory of one {memory:4.0f} MiB"
        )


if __name__ == "__main__":
    main()
