"""A tour through sandboxes, as a program of its own: `python tour.py LEVELS...`.

For tests that need another user, fewer privileges or a sudden death. For each of the arguments, the
levels that are acceptable with commas between them, prints one line of JSON: the level that was
reached and how a few calls ended, or why there is no sandbox. Then it holds a child of each until
somebody kills it.
"""

from __future__ import annotations

import json
import sys
import time

import torch

from autograder.sandbox.errors import SandboxError
from autograder.sandbox.isolation import Sandbox
from autograder.sandbox.limits import Limits
from autograder.sandbox.session import SandboxSession
from autograder.session import Interrupted
from moe_lab.bench import Bench
from moelab_kit.calls import Call

LIMITS = Limits(call=1.5, total=20.0, memory=384 << 20)
SUBMISSION = b"""
import os, threading
import torch

def honest(model): return [name for name, _ in model.named_modules() if name.endswith("gate")]
def crash(): os._exit(3)
def loop():
    while True: pass
def hoard(): return [bytearray(1 << 28) for _ in range(32)]
def who(): return os.geteuid()
def threads():
    stop, started = threading.Event(), []
    try:
        for _ in range(20):
            started.append(threading.Thread(target=stop.wait))
            started[-1].start()
    except RuntimeError:
        started.pop()
    stop.set()
    return len(started)
"""


def tour(sandbox: Sandbox) -> dict[str, object]:
    """How each function of the submission ended: its value, or its outcome."""
    bench = Bench("tour")
    session = SandboxSession(sandbox, bench, LIMITS)
    session.read(SUBMISSION, "tour.py")
    found: dict[str, object] = {"level": sandbox.level}
    arguments = {"honest": (bench.model("mixtral"),)}
    for function in ("honest", "crash", "loop", "hoard", "who", "threads", "honest"):
        try:
            reply = session.perform(Call(function, arguments.get(function, ())))
            found[function] = reply.value if reply.raised is None else reply.raised.type_name
        except Interrupted as interrupted:
            found[function] = interrupted.outcome.value
    session.close()
    return found


def main(tours: list[str]) -> None:
    torch.set_num_threads(1)
    held = []
    for levels in tours:
        try:
            sandbox = Sandbox(tuple(levels.split(",")), "tour", LIMITS)
        except SandboxError as error:
            print(json.dumps({"error": str(error)}), flush=True)
            continue
        print(json.dumps(tour(sandbox)), flush=True)
        held.append((sandbox, sandbox.fork()))
    print("holding", flush=True)
    time.sleep(600)


if __name__ == "__main__":
    main(sys.argv[1:])
