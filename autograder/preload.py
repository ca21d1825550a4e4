"""What the server that workers are forked from imports, once for all of them.

Importing takes most of the time of a start, so it is done once. The fork server of the sandboxes,
which workers ask through a socket that they inherit, imports at the same time.
"""

from __future__ import annotations

import socket

from autograder import linux


def start(requests: int, lifeline: int, sandboxes: int) -> None:
    """Import torch and whatever else workers and model servers need, then fork them on request.

    All three are descriptors: of the socket of requests, of the pipe with whose other end this
    process ends, and of the socket of requests to the fork server of the sandboxes.
    """
    linux.end_with(lifeline)
    import matplotlib

    import autograder.grading.worker
    import autograder.serving.server  # noqa: F401
    from autograder.inside.forkserver import serve
    from autograder.processes import serve_calls
    from autograder.sandbox.forkserver import SANDBOXES

    matplotlib.rcdefaults()  # it may have read somebody's `matplotlibrc`
    SANDBOXES.use(socket.socket(fileno=sandboxes))
    serve(socket.socket(fileno=requests), serve_calls)
