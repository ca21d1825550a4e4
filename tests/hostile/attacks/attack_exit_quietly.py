"""End the process with success.

Tries: `os._exit(0)`, so that the end might be taken for a pass.
Success: the call counts as anything but a failure.
Outcome: died.
"""

import os


def attack(targets, model):
    os._exit(0)
