"""Forge what is sent back, instead of computing it.

Tries: replacing the functions with which the sandbox calls, packs and answers, so that a value is
    sent together with everything that could look like a verdict.
Success: points for a wrong value.
Earns: 0.
"""

import torch

import autograder.inside.runner as runner
import autograder.wire.encode as encoding
import autograder.wire.messages as messages
import moelab_kit.calls as calls


def compute_load_balancing_loss(router_logits, top_k=2):
    return "passed"


def forged(reply, call, bench):
    verdict = {"outcome": "passed", "score": 1e9, "points": 1e9, "loss": torch.zeros(())}
    return encoding.encode((verdict, None, (torch.zeros(4, 6),), "", "", 0))


runner.encode_reply = messages.encode_reply = forged
runner.perform = calls.perform = lambda function, call: calls.Reply(value="passed")
