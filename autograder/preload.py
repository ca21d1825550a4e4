"""What the server that workers are forked from imports, once for all of them.

Importing takes most of the time of a start, so it is done once. The fork server of the sandboxes,
which workers ask through a socket that they inherit, imports at the same time.
"""

from __future__ import annotations

import gc
import socket

from autograder import linux


def start(packages: list[str], requests: int, lifeline: int, sandboxes: int) -> None:
    """Import torch and whatever else workers and model servers need, then fork them on request.

    `packages` are those of the course's students; models are imported only where there are some.
    The others are descriptors: of the socket of requests, of the pipe with whose other end this
    process ends, and of the socket of requests to the fork server of the sandboxes.
    """
    linux.end_with(lifeline)
    gc.disable()  # what imports make stays: looking for garbage in it takes a sixth of the time
    import matplotlib

    import autograder.grading.worker
    from autograder.inside.forkserver import serve
    from autograder.processes import serve_calls
    from autograder.sandbox.forkserver import SANDBOXES
    from moelab_kit import import_whole

    for name in packages:
        import_whole(name)
    if packages:
        import autograder.serving.contention
        import autograder.serving.server  # noqa: F401

    matplotlib.rcdefaults()  # it may have read somebody's `matplotlibrc`
    gc.enable()
    SANDBOXES.packages = tuple(packages)
    SANDBOXES.use(socket.socket(fileno=sandboxes))
    serve(socket.socket(fileno=requests), serve_calls)
