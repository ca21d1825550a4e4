"""Import what belongs to the grader.

Tries: importing the reference, the checks and the grader's own modules, with every path that could
    lead to them put on `sys.path` and with loaders made by hand.
Success: any of these modules is imported.
Outcome: refused.
"""

import importlib
import importlib.util
import os
import sys

NAMES = (
    "reference",
    "reference.moe_router_analysis",
    "reference.moe_router_analysis.compute_load_balancing_loss",
    "autograder.authoring",
    "autograder.authoring.exercise",
    "autograder.grading.judge",
    "autograder.grading.fixtures",
    "autograder.records",
    "autograder.sandbox.isolation",
    "autograder.session",
    "autograder.gradebook",
    "tests.conftest",
)


def attack(targets, model):
    root = os.path.dirname(targets["engine"])
    sys.path[:0] = [
        root,
        targets["engine"],
        targets["engine"].replace("autograder", "reference"),
        "/",
        os.getcwd(),
        "",
    ]
    sys.path_importer_cache.clear()
    importlib.invalidate_caches()
    for name in NAMES:
        try:
            importlib.import_module(name)
        except (ImportError, OSError, AttributeError):
            pass
        else:
            return f"imported {name}"
        path = os.path.join(root, *name.split(".")) + ".py"
        spec = importlib.util.spec_from_file_location("stolen", path)
        try:
            spec.loader.exec_module(importlib.util.module_from_spec(spec))
        except (ImportError, OSError):
            continue
        return f"executed {path}"
    return ""
