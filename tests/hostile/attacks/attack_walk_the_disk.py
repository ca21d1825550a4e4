"""Walk through all folders that can be listed, and look for the course.

Tries: listing everything from the root, from the folders of `sys.path` and from above them, for
    files of moelab, the reference, submissions and version control.
Success: a readable file of the grader is found.
Outcome: refused.
"""

import os
import sys
import time

NAMES = ("judge.py", "compute_load_balancing_loss.py", "other_submission.py", "gradebook.db")
PARTS = ("__editable__", "moelab-", "moelab.egg-link", "_moelab")
FOLDERS = ("autograder", "moe_router_analysis", "moe_lab")
DEEP = 6


def suspicious(entry):
    """What an entry of a folder gives away of the grader; "" for nothing."""
    try:
        if entry.is_dir(follow_symlinks=False):
            return f"listed {entry.path}" if entry.name in FOLDERS and os.listdir(entry) else ""
        if entry.name in NAMES or entry.name.startswith(PARTS):
            with open(entry, "rb") as file:
                return f"read {entry.path}" if file.read(10) else ""
    except OSError:
        return ""
    return ""


def attack(targets, model):
    waiting = [("/", 0), (os.getcwd(), 0), (os.path.dirname(targets["secret"]), 0)]
    for path in sys.path:
        while len(path) > 1:
            waiting.append((path, DEEP - 2))
            path = os.path.dirname(path)
    seen = set()
    until = time.monotonic() + 0.8
    while waiting and time.monotonic() < until:
        folder, depth = waiting.pop()
        try:
            entries = list(os.scandir(folder))
        except OSError:
            continue
        for entry in entries:
            if gain := suspicious(entry):
                return gain
            if depth < DEEP and entry.path not in seen and entry.is_dir(follow_symlinks=False):
                seen.add(entry.path)
                waiting.append((entry.path, depth + 1))
    return ""
