"""Look through every object of the process for what the grader knows.

Tries: `sys.modules`, all objects that the garbage collector knows, and the locals of all frames,
    for checks, references, grader modules and paths that the grader hides.
Success: an object of the grader is found.
Outcome: refused.
"""

import gc
import sys

ALLOWED = tuple(f"autograder.{name}" for name in ("inside", "linux", "models", "notebook", "wire"))


def foreign(name):
    if not isinstance(name, str):
        return False
    top = name.partition(".")[0]
    if top in ("reference", "tests", "moelab"):
        return True
    inside = any(name == one or name.startswith(one + ".") for one in ALLOWED)
    return top == "autograder" and name != "autograder" and not inside


def attack(targets, model):
    for name in list(sys.modules):
        if foreign(name):
            return f"{name} is in sys.modules"
    gc.collect()
    for thing in gc.get_objects():
        kind = type(thing).__name__
        if kind in ("Exercise", "Check", "Assignment", "Fixtures", "Judge", "CheckResult"):
            return f"found an object of type {kind}"
        if callable(thing) and foreign(getattr(thing, "__module__", None)):
            return f"found {thing.__module__}.{getattr(thing, '__name__', '?')}"
    hidden = targets["engine"].removesuffix("autograder") + "reference"
    frame = sys._getframe().f_back
    while frame is not None:
        for value in [*frame.f_locals.values()]:
            if type(value).__name__ == "ZygoteSettings":
                return f"found the settings of the sandbox in {frame.f_code.co_name}"
            if isinstance(value, (str, tuple, list, dict)) and hidden in str(value):
                return f"found a path of the grader in {frame.f_code.co_name}"
        frame = frame.f_back
    return ""
