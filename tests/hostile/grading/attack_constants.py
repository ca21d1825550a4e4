"""Answer with a constant that some question might expect.

Tries: one, the value of a uniform router, whatever is asked.
Success: points for nothing.
Earns: 0.
"""

import torch


def compute_load_balancing_loss(router_logits, top_k=2):
    return torch.ones((), requires_grad=True)
