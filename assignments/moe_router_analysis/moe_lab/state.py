"""What a call leaves behind: inputs, hooks, modes, gradients and parameters before and after.

Large models are compared by version counters alone; everything else by value.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch

COMPARED_BY_VALUE = 4_000_000  # elements; a copy of more would cost more than it shows

_HOOK_TABLES = (
    "_forward_hooks",
    "_forward_pre_hooks",
    "_backward_hooks",
    "_backward_pre_hooks",
    "_state_dict_hooks",
    "_state_dict_pre_hooks",
    "_load_state_dict_pre_hooks",
    "_load_state_dict_post_hooks",
)


@dataclass(frozen=True, slots=True)
class _TensorState:
    tensor: torch.Tensor
    copy: torch.Tensor | None
    version: int
    requires_grad: bool
    had_gradient: bool

    @classmethod
    def of(cls, tensor: torch.Tensor, *, by_value: bool) -> _TensorState:
        copy = tensor.detach().clone() if by_value else None
        return cls(tensor, copy, tensor._version, tensor.requires_grad, _has_gradient(tensor))

    def values_changed(self) -> bool:
        if self.copy is None:
            return self.tensor._version != self.version
        now = self.tensor.detach()
        if now.shape != self.copy.shape or now.dtype != self.copy.dtype:
            return True
        return not torch.equal(now, self.copy)


@dataclass(frozen=True, slots=True)
class _ModuleState:
    module: torch.nn.Module
    hooks: int
    forward: Any
    training: bool
    tensors: dict[str, _TensorState]

    @classmethod
    def of(cls, module: torch.nn.Module, *, by_value: bool) -> _ModuleState:
        own = _own_tensors(module)
        tensors = {name: _TensorState.of(tensor, by_value=by_value) for name, tensor in own.items()}
        return cls(module, _hooks(module), _forward(module), module.training, tensors)

    def difference(self, name: str) -> str:
        module, where = self.module, f"the model's {name}" if name else "the model"
        if _hooks(module) != self.hooks:
            return f"the number of hooks on {where} changed"
        if module.training != self.training:
            mode = "training" if module.training else "evaluation"
            return f"{where} was left in {mode} mode"
        if _forward(module) != self.forward:
            return f"the forward of {where} was replaced"
        now = _own_tensors(module)
        if now.keys() != self.tensors.keys():
            return f"parameters or buffers of {where} were added or removed"
        prefix = f"{name}." if name else ""
        for tensor_name, before in self.tensors.items():
            changed = _tensor_change(before, now[tensor_name], prefix + tensor_name)
            if changed:
                return changed
        return ""


@dataclass(frozen=True, slots=True)
class _ModelState:
    model: torch.nn.Module
    modules: dict[str, _ModuleState]

    @classmethod
    def of(cls, model: torch.nn.Module) -> _ModelState:
        modules = walk(model)
        total = sum(t.numel() for _, m in modules for t in _own_tensors(m).values())
        by_value = total <= COMPARED_BY_VALUE
        return cls(model, {name: _ModuleState.of(m, by_value=by_value) for name, m in modules})

    def difference(self) -> str:
        now = dict(walk(self.model))
        if now.keys() != self.modules.keys():
            return "modules of the model were added or removed"
        for name, before in self.modules.items():
            if now[name] is not before.module:
                return f"the model's {name} was replaced"
            changed = before.difference(name)
            if changed:
                return changed
        return ""


class StateBefore:
    """The state of a call's arguments before it; `difference` tells in words what changed."""

    def __init__(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        self._arguments: dict[str, Any] = {
            **{f"argument {position + 1}": value for position, value in enumerate(args)},
            **{f"argument {name!r}": value for name, value in kwargs.items()},
        }
        self._global_hooks = _global_hooks()
        self._before = {name: _snapshot(value) for name, value in self._arguments.items()}

    def difference(self) -> str:
        """What the call changed, in one clause; "" when all is as it was."""
        if _global_hooks() != self._global_hooks:
            return "a hook on every module was left behind"
        for name, before in self._before.items():
            changed = _changed(before, self._arguments[name], name)
            if changed:
                return changed
        return ""


def shared_memory(value: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str:
    """Name the argument or parameter that a tensor in `value` shares memory with; "" for none."""
    owners: dict[int, str] = {}
    for argument in (*args, *kwargs.values()):
        if isinstance(argument, torch.nn.Module):
            owners.update({_address(t): f"the model's {name}" for name, t in _tensors_of(argument)})
        owners.update({_address(t): "an argument" for t in _tensors_in(argument)})
    owners.pop(0, None)
    for tensor in _tensors_in(value):
        if _address(tensor) in owners:
            return owners[_address(tensor)]
    return ""


def _snapshot(value: Any) -> Any:
    if isinstance(value, torch.nn.Module):
        return _ModelState.of(value)
    if isinstance(value, torch.Tensor):
        return _TensorState.of(value, by_value=value.numel() <= COMPARED_BY_VALUE)
    if isinstance(value, Mapping):
        return {key: _snapshot(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_snapshot(item) for item in value]
    return value


def _changed(before: Any, now: Any, where: str) -> str:
    if isinstance(before, _ModelState):
        return before.difference()
    if isinstance(before, _TensorState):
        if not isinstance(now, torch.Tensor) or before.values_changed():
            return f"{where} was changed"
        if now.requires_grad != before.requires_grad or _has_gradient(now) != before.had_gradient:
            return f"requires_grad or the gradient of {where} was changed"
        return ""
    if isinstance(before, dict):
        if not isinstance(now, Mapping) or now.keys() != before.keys():
            return f"{where} was changed"
        found = (_changed(before[key], now[key], where) for key in before)
        return next(filter(None, found), "")
    if isinstance(before, list) and isinstance(now, list | tuple):
        if len(now) != len(before):
            return f"{where} was changed"
        found = (_changed(one, other, where) for one, other in zip(before, now, strict=True))
        return next(filter(None, found), "")
    if isinstance(before, str | int | float | bool | type(None)):
        return "" if type(now) is type(before) and now == before else f"{where} was changed"
    return ""


def _tensors_in(value: Any) -> Iterator[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _tensors_in(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _tensors_in(item)


def walk(model: torch.nn.Module) -> list[tuple[str, torch.nn.Module]]:
    """What `named_modules()` gives, in the same order, several times as fast."""
    found: list[tuple[str, torch.nn.Module]] = []
    seen: set[int] = set()
    waiting = [("", model)]
    while waiting:
        name, module = waiting.pop()
        if id(module) in seen:
            continue
        seen.add(id(module))
        found.append((name, module))
        prefix = f"{name}." if name else ""
        children = [(prefix + key, m) for key, m in module._modules.items() if m is not None]
        waiting.extend(reversed(children))
    return found


def _own_tensors(module: torch.nn.Module) -> dict[str, torch.Tensor]:
    own = {**module._parameters, **module._buffers}
    return {name: tensor for name, tensor in own.items() if tensor is not None}


def _tensors_of(model: torch.nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
    for name, module in walk(model):
        prefix = f"{name}." if name else ""
        for key, tensor in _own_tensors(module).items():
            yield prefix + key, tensor


def _tensor_change(before: _TensorState, now: torch.Tensor, name: str) -> str:
    if now is not before.tensor or before.values_changed():
        return f"the model's {name} was changed"
    if _has_gradient(now) != before.had_gradient:
        return f"a gradient was left on the model's {name}"
    if now.requires_grad != before.requires_grad:
        return f"requires_grad of the model's {name} was changed"
    return ""


def _hooks(module: torch.nn.Module) -> int:
    own = module.__dict__
    return sum(len(own.get(table) or ()) for table in _HOOK_TABLES)


def _forward(module: torch.nn.Module) -> Any:
    """What a call runs; equal to an earlier answer also where it was replaced and put back."""
    return module.forward


def _global_hooks() -> int:
    shared = torch.nn.modules.module
    return len(shared._global_forward_hooks) + len(shared._global_forward_pre_hooks)


def _has_gradient(tensor: torch.Tensor) -> bool:
    return tensor.is_leaf and tensor.grad is not None


def _address(tensor: torch.Tensor) -> int:
    try:
        return tensor.untyped_storage().data_ptr()
    except (RuntimeError, NotImplementedError):
        return 0
