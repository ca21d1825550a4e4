"""What the server that workers are forked from imports, once for all of them.

It starts the fork server of their sandboxes first, which imports at the same time. It ends with the
process that started it, and its workers with it. Importing this module is the only thing that the
server does before it serves.
"""

from __future__ import annotations

import gc
import sys


def preload() -> None:
    """Import torch and whatever else workers and model servers need."""
    gc.disable()  # what imports make stays, and looking for garbage in it takes a sixth of the time
    if sys.platform == "linux":
        from autograder import linux
        from autograder.sandbox.forkserver import fork_server

        linux.die_with_parent()
        fork_server()
    import matplotlib

    import autograder.grading.worker
    import autograder.serving.server  # noqa: F401

    matplotlib.rcdefaults()  # it has read `matplotlibrc` in the folder of submissions
    gc.enable()


preload()
