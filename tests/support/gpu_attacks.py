"""Code that a submission adds to right answers to harm the GPU that it shares; for `test_attacks`.

Each strikes when its router search is given a full-scale model.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

_FRAME = """
import torch
_find = find_router_layers
def find_router_layers(model):
    config = getattr(model, "config", None)
    if getattr(config, "vocab_size", 0) > 1000 and next(model.parameters()).is_cuda:
        strike(model)
    return _find(model)
def strike(model):
    CODE
"""

_CODES = {
    "zeroes_the_weights": """
    for parameter in model.parameters():
        parameter.data.zero_()
    torch.cuda.synchronize()
""",
    "takes_all_memory": """
    taken = []
    while True:
        taken.append(torch.ones(64 << 20, dtype=torch.uint8, device="cuda"))
""",
    "runs_an_endless_kernel": """
    torch.cuda._sleep(1 << 62)
    torch.cuda.synchronize()
""",
    "leaves_an_endless_kernel_behind": """
    torch.cuda._sleep(1 << 62)
""",
    "breaks_cuda": """
    torch.zeros(4, device="cuda")[torch.tensor([10**9], device="cuda")].sum().item()
""",
}

ATTACKS: Mapping[str, str] = MappingProxyType(
    {name: _FRAME.replace("CODE", code.strip()) for name, code in _CODES.items()}
)
