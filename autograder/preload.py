"""What the server that workers are forked from imports, once for all of them.

It starts the fork server of their sandboxes first, which imports at the same time. It ends with the
process that started it, and its workers with it. Importing this module is the only thing that the
server does before it serves.
"""

from __future__ import annotations

import os
import sys

from autograder.processes import PRELOADED


def preload() -> None:
    """Import torch and whatever else workers and model servers need; models only with a package."""
    packages = os.environ.get(PRELOADED, "").split()
    if sys.platform == "linux":
        from autograder import linux
        from autograder.sandbox.forkserver import fork_server

        linux.die_with_parent()
        fork_server(packages)
    import matplotlib

    import autograder.grading.worker
    from moelab_kit import import_whole

    for name in packages:
        import_whole(name)
    if packages:
        import autograder.serving.contention
        import autograder.serving.server  # noqa: F401

    matplotlib.rcdefaults()  # it has read `matplotlibrc` in the folder of submissions


preload()
