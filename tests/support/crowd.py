"""Two submissions, of which one takes all the threads it can get: what does the other one get?

    python tests/support/crowd.py LEVEL [THREADS]

`THREADS` is how many more than it has now this process's user may have. Prints, as JSON, how many
threads each got, whether the grader can still start a submission, and whether the other one's
verdict is in doubt.
"""

from __future__ import annotations

import json
import os
import resource
import sys

import torch

from autograder.linux import threads_of
from autograder.sandbox.errors import SandboxError
from autograder.sandbox.isolation import Sandbox
from autograder.sandbox.limits import Limits, sharing_threads
from autograder.sandbox.session import SandboxSession
from moelab_kit.calls import Call

SEED = "a crowd"
LIMITS = Limits(call=20.0, total=60.0, memory=1 << 30)


class NoModels:
    """What functions of plain numbers need of a bench: nothing, so no library of models either."""

    def handle_of(self, value: object) -> None:
        return None

    def resolve(self, handle: str) -> object:
        raise KeyError(handle)


THREADS = b"""
import threading, time

def take(most):
    got = 0
    try:
        while got < most:
            threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
            got += 1
    except RuntimeError:
        if most < 1000:
            raise
    return got
"""


def main(level: str, more: int) -> dict[str, object]:
    """See above."""
    torch.set_num_threads(1)
    if more:
        most = threads_of(os.geteuid()) + more
        resource.setrlimit(resource.RLIMIT_NPROC, (most, most))
    jobs, limits, _ = sharing_threads(2, LIMITS)
    bench = NoModels()
    sandboxes = [Sandbox((level,), SEED, limits, worker=number) for number in (1, 2)]
    greedy, honest, third = (
        SandboxSession(sandboxes[number], bench, limits) for number in (0, 1, 1)
    )
    for session in (greedy, honest):
        session.read(THREADS, "threads.py")
    taken = greedy.perform(Call("take", (5000,))).value
    reply = honest.perform(Call("take", (4,)))
    said = "" if reply.raised is None else reply.raised.message
    honest.close()
    try:
        third.read(THREADS, "threads.py")
        third.perform(Call("take", (0,)))
        another = True
    except SandboxError:
        another = False
    return {
        "jobs": jobs,
        "taken": taken,
        "honest": said or reply.value,
        "doubtful": honest.doubtful,
        "another": another,
    }


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 0)), flush=True)
    os._exit(0)
