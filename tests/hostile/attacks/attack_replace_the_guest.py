"""Replace what answers the grader inside the process.

Tries: finding the sandbox's own objects and classes in memory, replacing their methods and the
    functions that they call, so that this and later requests are answered by other code.
Success: anything but data arrives, or an honest submission afterwards is answered by it.
Outcome: died or failed or error.
"""

import gc
import sys

from autograder.inside import runner
from autograder.notebook import workspace
from autograder.wire import messages


def attack(targets, model):
    for one in gc.get_objects():
        if isinstance(one, runner.Runner):
            one.__dict__["_bench"] = one.__dict__["_workspace"] = None
    runner.Runner.answer = lambda self, kind, request: b"missing nothing at all"
    runner.Runner._cell = runner.Runner._read = lambda self, request: b""
    runner.encode_reply = messages.encode_reply = lambda *args: b"moe1" + bytes(12)
    runner.perform = lambda function, call: None
    workspace.Workspace.function = lambda self, name: print
    frame = sys._getframe()
    while frame is not None:
        for name in list(frame.f_locals):
            if name in ("runner", "lock", "control"):
                frame.f_locals[name] = None
        frame = frame.f_back
    return ""
