"""Send the grader open descriptors along with an answer.

Tries: passing thousands of descriptors, pipes and sockets, over the channels of requests and
    replies, with and without bytes.
Success: a descriptor is left open in the grader, or its limit is reached.
Outcome: refused or failed or died.
"""

import contextlib
import os
import socket


def attack(targets, model):
    found = [number for number in range(3, 64) if _is_socket(number)]
    for number in found:
        with contextlib.suppress(OSError):
            channel = socket.socket(fileno=os.dup(number))
            channel.setblocking(False)
            for _ in range(50):
                with contextlib.suppress(OSError):
                    socket.send_fds(channel, [b""], list(os.pipe()) * 20)
    return ""


def _is_socket(number):
    try:
        return os.readlink(f"/proc/self/fd/{number}").startswith("socket")
    except OSError:
        try:
            socket.socket(fileno=os.dup(number)).close()
        except OSError:
            return False
        return True
