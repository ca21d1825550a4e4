"""Tamper with the models of the bench.

Tries: zeroing weights, swapping modules, hooks on every module, other modes, for every model
    that the garbage collector finds.
Success: an honest submission afterwards gets other values.
Outcome: refused or answered.
"""

import gc

import torch


def attack(targets, model):
    for module in [one for one in gc.get_objects() if isinstance(one, torch.nn.Module)]:
        module.train()
        module.register_forward_hook(lambda *args: None)
        for parameter in module.parameters(recurse=False):
            with torch.no_grad():
                parameter.zero_()
            parameter.requires_grad_(False)
        for name in list(module._modules):
            module._modules[name] = torch.nn.Identity()
    torch.nn.modules.module.register_module_forward_hook(lambda *args: torch.zeros(1))
    return ""
