"""What a call leaves behind: inputs, hooks, modes, gradients and parameters before and after.

Large models are compared by version counters alone; everything else by value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from transformers import PreTrainedTokenizerBase

from autograder.lab.model_state import COMPARED_BY_VALUE, KnownStates, ModelState, has_gradient, tensors_of

_TOKENIZER_SETTINGS = (
    *("padding_side", "truncation_side", "model_max_length", "model_input_names"),
    *("pad_token", "bos_token", "eos_token", "unk_token", "sep_token", "cls_token", "mask_token"),
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
        return cls(tensor, copy, tensor._version, tensor.requires_grad, has_gradient(tensor))

    def values_changed(self) -> bool:
        if self.copy is None:
            return self.tensor._version != self.version
        now = self.tensor.detach()
        if now.shape != self.copy.shape or now.dtype != self.copy.dtype:
            return True
        return not torch.equal(now, self.copy)


@dataclass(frozen=True, slots=True)
class _TokenizerState:
    """How a tokenizer is set; `padding=True` and the like of a call are no settings."""

    settings: dict[str, str]

    @classmethod
    def of(cls, tokenizer: PreTrainedTokenizerBase) -> _TokenizerState:
        settings = {name: repr(getattr(tokenizer, name, None)) for name in _TOKENIZER_SETTINGS}
        return cls(settings | {"number of tokens": str(len(tokenizer))})

    def difference(self, tokenizer: PreTrainedTokenizerBase) -> str:
        now = self.of(tokenizer).settings
        changed = [name for name in now if now[name] != self.settings[name]]
        return f"the tokenizer's {changed[0]} was changed" if changed else ""


class StateBefore:
    """The state of a call's arguments before it; `difference` tells in words what changed.

    `known` holds the states of models that are the same before each call; without it every model
    is looked at here.
    """

    def __init__(
        self, args: tuple[Any, ...], kwargs: Mapping[str, Any], known: KnownStates | None = None
    ) -> None:
        self._arguments: dict[str, Any] = {
            **{f"argument {position + 1}": value for position, value in enumerate(args)},
            **{f"argument {name!r}": value for name, value in kwargs.items()},
        }
        self._global_hooks = _global_hooks()
        of_model = ModelState if known is None else known.before
        self._before = {name: _snapshot(v, of_model) for name, v in self._arguments.items()}

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
    addresses = [address for tensor in _tensors_in(value) if (address := _address(tensor))]
    if not addresses:
        return ""
    owners: dict[int, str] = {}
    for argument in (*args, *kwargs.values()):
        if isinstance(argument, torch.nn.Module):
            owners |= {_address(t): f"the model's {name}" for name, t in tensors_of(argument)}
        owners |= {_address(tensor): "an argument" for tensor in _tensors_in(argument)}
    return next((owners[address] for address in addresses if address in owners), "")


def _snapshot(value: Any, of_model: Callable[[torch.nn.Module], ModelState]) -> Any:
    if isinstance(value, torch.nn.Module):
        return of_model(value)
    if isinstance(value, PreTrainedTokenizerBase):
        return _TokenizerState.of(value)
    if isinstance(value, torch.Tensor):
        return _TensorState.of(value, by_value=value.numel() <= COMPARED_BY_VALUE)
    if isinstance(value, Mapping):
        return {key: _snapshot(item, of_model) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_snapshot(item, of_model) for item in value]
    return value


def _changed(before: Any, now: Any, where: str) -> str:
    if isinstance(before, ModelState):
        return before.difference()
    if isinstance(before, _TokenizerState):
        return before.difference(now)
    if isinstance(before, _TensorState):
        if now is not before.tensor or before.values_changed():
            return f"{where} was changed"
        if now.requires_grad != before.requires_grad or has_gradient(now) != before.had_gradient:
            return f"requires_grad or the gradient of {where} was changed"
        return ""
    if isinstance(before, dict | list):
        if not isinstance(now, Mapping if isinstance(before, dict) else list | tuple):
            return f"{where} was changed"
        old, new = _entries(before), _entries(now)
        if old.keys() != new.keys():
            return f"{where} has gained or lost entries"
        found = (_changed(old[key], new[key], where) for key in old)
        return next(filter(None, found), "")
    if isinstance(before, str | int | float | bool | type(None)):
        return "" if type(now) is type(before) and now == before else f"{where} was changed"
    return ""


def _entries(container: Any) -> Mapping[Any, Any]:
    return container if isinstance(container, Mapping) else dict(enumerate(container))


def _tensors_in(value: Any) -> Iterator[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _tensors_in(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _tensors_in(item)


def _global_hooks() -> int:
    shared = torch.nn.modules.module
    return len(shared._global_forward_hooks) + len(shared._global_forward_pre_hooks)


def _address(tensor: torch.Tensor) -> int:
    try:
        return tensor.untyped_storage().data_ptr()
    except (RuntimeError, NotImplementedError):
        return 0
