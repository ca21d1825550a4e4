"""Read the grader's requests in a thread of one's own, and answer them there.

Tries: taking questions from descriptor 3 before the sandbox does, and answering with ones.
Success: points for a wrong value, or a grader that waits for good.
Earns: 0.
"""

import socket
import threading

import torch

from autograder.wire.encode import encode


def steal():
    control = socket.socket(fileno=3)
    while True:
        _kind, descriptors, _, _ = socket.recv_fds(control, 16, 1)
        if not descriptors:
            return
        with socket.socket(fileno=descriptors[0]) as reply_to:
            while reply_to.recv(1 << 20):
                pass
            reply_to.sendall(encode((torch.ones(()), None, (), "", "", 0)))


threading.Thread(target=steal, daemon=True).start()


def compute_load_balancing_loss(router_logits, top_k=2):
    return torch.ones(())
