"""What a call leaves behind: inputs, hooks, modes, gradients and parameters before and after.

Large models are compared by version counters alone; everything else by value.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch

COMPARED_BY_VALUE = 50_000_000  # elements; a copy of more would cost more than it shows

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
class _ModelState:
    model: torch.nn.Module
    hooks: dict[str, int]
    forwards: dict[str, tuple[Any, Any]]
    training: dict[str, bool]
    tensors: dict[str, _TensorState]

    @classmethod
    def of(cls, model: torch.nn.Module) -> _ModelState:
        total = sum(parameter.numel() for parameter in model.parameters())
        return cls(
            model,
            _hook_counts(model),
            _forwards(model),
            {name: module.training for name, module in model.named_modules()},
            {
                name: _TensorState.of(tensor, by_value=total <= COMPARED_BY_VALUE)
                for name, tensor in _tensors_of(model)
            },
        )

    def difference(self) -> str:
        hooks = _hook_counts(self.model)
        for name, count in hooks.items():
            if count != self.hooks.get(name, 0):
                return f"the number of hooks on {_module(name)} changed"
        forwards = _forwards(self.model)
        for name, module in self.model.named_modules():
            if module.training != self.training.get(name, module.training):
                mode = "training" if module.training else "evaluation"
                return f"{_module(name)} was left in {mode} mode"
            if forwards[name] != self.forwards.get(name, forwards[name]):
                return f"the forward of {_module(name)} was replaced"
        return self._tensor_difference(dict(_tensors_of(self.model)))

    def _tensor_difference(self, now: dict[str, torch.Tensor]) -> str:
        if now.keys() != self.tensors.keys():
            return "parameters or buffers of the model were added or removed"
        for name, before in self.tensors.items():
            if now[name] is not before.tensor or before.values_changed():
                return f"the model's {name} was changed"
            if _has_gradient(now[name]) != before.had_gradient:
                return f"a gradient was left on the model's {name}"
            if now[name].requires_grad != before.requires_grad:
                return f"requires_grad of the model's {name} was changed"
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


def _tensors_of(model: torch.nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
    yield from model.named_parameters()
    yield from model.named_buffers()


def _hook_counts(model: torch.nn.Module) -> dict[str, int]:
    return {
        name: sum(len(getattr(module, table, ()) or ()) for table in _HOOK_TABLES)
        for name, module in model.named_modules()
    }


def _forwards(model: torch.nn.Module) -> dict[str, tuple[Any, Any]]:
    return {
        name: (module.__dict__.get("forward"), type(module).forward)
        for name, module in model.named_modules()
    }


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


def _module(name: str) -> str:
    return f"the model's {name}" if name else "the model"
