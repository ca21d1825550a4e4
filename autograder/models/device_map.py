"""One copy of a model on several devices: experts where there is room, all else on the first.

Experts compute where their weights lie: their inputs go there and their outputs come back. So
whatever else a program sees of the model (hidden states, routers, outputs) is on one device, as it
is with a model that fits there; a map that puts whole layers elsewhere would spread those too, and
one that offloads would leave routers without weights between two forwards.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from accelerate.hooks import ModelHook, add_hook_to_module
from accelerate.utils import find_device, send_to_device
from torch import nn

from autograder.models.structure import weight_bytes

Away = Mapping[str, str]
"""Qualified names of experts, and the device (`cuda:1`, `cpu`) that each of them is on."""


def experts_of(model: nn.Module) -> dict[str, int]:
    """The modules of a model that can lie elsewhere, and the bytes of each, in order.

    Those that hold the weights of all of a layer's experts, or of one expert in a list of them, by
    the names that models of transformers give them.
    """
    return {name: weight_bytes(module) for name, module in _experts(model, "")}


def device_of(name: str, main: str, away: Away) -> str:
    """The device of a parameter, buffer or module."""
    while name:
        if name in away:
            return away[name]
        name = name.rpartition(".")[0]
    return main


def device_map(model: nn.Module, main: str, away: Away) -> dict[str, str]:
    """The same in accelerate's form, where no entry lies inside another one."""
    parted = {""}
    for name in away:
        while name := name.rpartition(".")[0]:
            parted.add(name)
    found = {}
    for name in sorted(parted):
        module = model.get_submodule(name)
        for leaf in (*module._parameters, *module._buffers, *module._modules):
            path = f"{name}.{leaf}".lstrip(".")
            if path not in parted:
                found[path] = device_of(path, main, away)
    return found


def compute_there(model: nn.Module, away: Away) -> None:
    """Let experts that are elsewhere take their inputs there, and send back what they compute."""
    for name, device in away.items():
        add_hook_to_module(model.get_submodule(name), _ComputesThere(device))


class _ComputesThere(ModelHook):  # type: ignore[misc]
    def __init__(self, device: str) -> None:
        self._there = torch.device(device)
        self._here: torch.device | None = None

    def pre_forward(self, module: nn.Module, *args: Any, **kwargs: Any) -> tuple[Any, Any]:
        self._here = find_device([args, kwargs])
        return send_to_device(args, self._there), send_to_device(kwargs, self._there)

    def post_forward(self, module: nn.Module, output: Any) -> Any:
        return output if self._here is None else send_to_device(output, self._here)


def _experts(module: nn.Module, name: str) -> Iterator[tuple[str, nn.Module]]:
    for leaf, child in module.named_children():
        path = f"{name}.{leaf}".lstrip(".")
        named = _is_of_experts(child) or (
            leaf == "experts" and not any(_is_of_experts(inner) for inner in child.modules())
        )
        if named and isinstance(child, nn.ModuleList | nn.ModuleDict):
            yield from ((f"{path}.{key}", one) for key, one in child.named_children())
        elif named:
            yield path, child
        else:
            yield from _experts(child, path)


def _is_of_experts(module: nn.Module) -> bool:
    return "Experts" in type(module).__name__
