"""What a call leaves behind: inputs, hooks, modes, gradients and parameters before and after.

Large models are compared by version counters alone; everything else by value. This runs around each
of a submission's calls, so it walks a model once and compares all values of a kind in one
operation; which part it was is only looked for where something differs.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import nn
from torch._utils import _flatten_dense_tensors

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


class _Held(NamedTuple):
    """A parameter or buffer that a module holds."""

    key: str
    identity: int
    shape: torch.Size
    requires_grad: bool
    has_gradient: bool


class _Part(NamedTuple):
    """A module at one moment; its `forward` equals itself also after it was put back."""

    name: str
    module: nn.Module
    hooks: int
    training: bool
    forward: Any
    held: tuple[tuple[Any, ...], ...]  # the fields of a `_Held` each


class ModelState:
    """A model at one moment; `difference` tells in words what has changed since.

    Large models are compared by the version counters of their tensors, others by value.
    """

    def __init__(self, model: nn.Module) -> None:
        self._model = model
        self._parts = _parts(model)
        self._settings = _settings(model)
        self._tensors = dict(tensors_of(model))
        tensors = _with_gradients(self._tensors)
        total = sum(tensor.numel() for tensor in tensors.values())
        self._values = _values(tensors) if total <= COMPARED_BY_VALUE else None
        self._versions = _versions(tensors)

    def difference(self) -> str:
        """What has changed, in one clause; "" when all is as it was."""
        now = _parts(self._model)
        if now != self._parts:
            return _changed_part(self._parts, now)
        settings = _settings(self._model)
        if settings != self._settings:
            return f"model.config.{_changed_key(self._settings, settings)} was changed"
        tensors = _with_gradients(self._tensors)
        if self._values is None:
            changed = _versions(tensors) != self._versions
        else:
            values = _values(tensors)
            changed = values.keys() != self._values.keys() or any(
                not torch.equal(flat, self._values[kind]) for kind, flat in values.items()
            )
        return f"the model's {self._changed_tensor(tensors)} was changed" if changed else ""

    def _changed_tensor(self, tensors: dict[str, torch.Tensor]) -> str:
        """The name of the first tensor whose values have changed."""
        if self._values is None:
            named = zip(tensors, self._versions, _versions(tensors), strict=True)
            return next(name for name, before, now in named if before != now)
        ends: dict[Any, int] = defaultdict(int)
        for name, tensor in tensors.items():
            kind = tensor.dtype, tensor.device
            start, ends[kind] = ends[kind], ends[kind] + tensor.numel()
            before = self._values[kind][start : ends[kind]] if kind in self._values else None
            if before is None or not torch.equal(tensor.detach().reshape(-1), before):
                return name
        raise RuntimeError("no tensor of the model differs")


class KnownStates:
    """States of models that are the same before each call, as those of a bench are.

    Taken once for each model, so that only what a call leaves behind has to be looked at. A model
    with a part in training mode is looked at each time: checks choose the mode call by call.
    """

    def __init__(self) -> None:
        self._states: dict[int, ModelState] = {}

    def before(self, model: nn.Module) -> ModelState:
        """The state of a model that nothing but a call may have changed."""
        if any(module.training for _, module in walk(model)):
            return ModelState(model)
        if id(model) not in self._states:
            self._states[id(model)] = ModelState(model)
        return self._states[id(model)]


def walk(model: nn.Module) -> list[tuple[str, nn.Module]]:
    """What `named_modules()` gives, in the same order, several times as fast."""
    found: list[tuple[str, nn.Module]] = []
    seen: set[int] = set()
    waiting = [("", model)]
    while waiting:
        name, module = entry = waiting.pop()
        if id(module) in seen:
            continue
        seen.add(id(module))
        found.append(entry)
        if children := module._modules:
            prefix = f"{name}." if name else ""
            named = [(prefix + key, child) for key, child in children.items() if child is not None]
            named.reverse()
            waiting += named
    return found


def tensors_of(model: nn.Module) -> list[tuple[str, torch.Tensor]]:
    """The parameters and buffers of each module of a model, with their qualified names."""
    return [
        (f"{name}.{key}" if name else key, tensor)
        for name, module in walk(model)
        for table in (module._parameters, module._buffers)
        for key, tensor in table.items()
        if tensor is not None
    ]


def _settings(model: nn.Module) -> dict[str, str]:
    """What the configs of a model and its parts say, in words."""
    configs = {id(one): one for _, part in walk(model) if (one := vars(part).get("config"))}
    return {
        key: repr(value)
        for config in configs.values()
        for key, value in getattr(config, "__dict__", {}).items()
        if not key.startswith("_")
    }


def _changed_key(before: dict[str, str], now: dict[str, str]) -> str:
    """The first key that only one of two unequal dicts has, or that differs."""
    return next(key for key in {**before, **now} if before.get(key) != now.get(key))


def _parts(model: nn.Module) -> list[tuple[Any, ...]]:
    """The fields of a `_Part` for each module: plain tuples, which compare fastest."""
    return [
        (name, module, _hooks(module), module.training, module.forward, _held(module))
        for name, module in walk(model)
    ]


def _held(module: nn.Module) -> tuple[tuple[Any, ...], ...]:
    return tuple(
        [
            (key, id(tensor), tensor.shape, tensor.requires_grad, has_gradient(tensor))
            for table in (module._parameters, module._buffers)
            for key, tensor in table.items()
            if tensor is not None
        ]
    )


def _hooks(module: nn.Module) -> int:
    own = module.__dict__
    return sum([len(own.get(table) or ()) for table in _HOOK_TABLES])


def has_gradient(tensor: torch.Tensor) -> bool:
    """Whether a gradient has been left on a tensor."""
    return _gradient(tensor) is not None


def _gradient(tensor: torch.Tensor) -> torch.Tensor | None:
    return tensor.grad if tensor.is_leaf else None


def _with_gradients(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The tensors, and the gradients that have been left on them."""
    gradients = {
        f"gradient of {name}": gradient
        for name, tensor in tensors.items()
        if (gradient := _gradient(tensor)) is not None
    }
    return {**tensors, **gradients}


def _versions(tensors: dict[str, torch.Tensor]) -> list[int]:
    return [tensor._version for tensor in tensors.values()]


def _values(tensors: dict[str, torch.Tensor]) -> dict[Any, torch.Tensor]:
    """Copies of all values, one flat tensor for each dtype and device."""
    by_kind: dict[Any, list[torch.Tensor]] = defaultdict(list)
    for tensor in tensors.values():
        by_kind[tensor.dtype, tensor.device].append(tensor)
    with torch.no_grad():
        return {
            kind: _flatten_dense_tensors(same)  # type: ignore[no-untyped-call]
            for kind, same in by_kind.items()
        }


def _changed_part(before: list[tuple[Any, ...]], now: list[tuple[Any, ...]]) -> str:
    """What differs between two unequal states, in one clause."""
    parts, parts_now = [_Part(*fields) for fields in before], [_Part(*fields) for fields in now]
    if [part.name for part in parts] != [part.name for part in parts_now]:
        return "modules of the model were added or removed"
    pairs = zip(parts, parts_now, strict=True)
    return next(_change(old, new) for old, new in pairs if old != new)


def _change(old: _Part, new: _Part) -> str:
    where = f"the model's {new.name}" if new.name else "the model"
    if new.module is not old.module:
        return f"{where} was replaced"
    if new.hooks != old.hooks:
        return f"the number of hooks on {where} changed"
    if new.training != old.training:
        return f"{where} was left in {'training' if new.training else 'evaluation'} mode"
    if new.forward != old.forward:
        return f"the forward of {where} was replaced"
    held, held_now = ([_Held(*fields) for fields in part.held] for part in (old, new))
    if [one.key for one in held] != [one.key for one in held_now]:
        return f"parameters or buffers of {where} were added or removed"
    one, other = next(
        (one, other) for one, other in zip(held, held_now, strict=True) if one != other
    )
    tensor = f"the model's {new.name}.{other.key}" if new.name else f"the model's {other.key}"
    if other.has_gradient != one.has_gradient:
        happened = "left on" if other.has_gradient else "taken from"
        return f"a gradient was {happened} {tensor}"
    if other.requires_grad != one.requires_grad:
        return f"requires_grad of {tensor} was changed"
    return f"{tensor} was changed"


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
    def of(cls, tokenizer: Any) -> _TokenizerState:
        settings = {name: repr(getattr(tokenizer, name, None)) for name in _TOKENIZER_SETTINGS}
        return cls(settings | {"number of tokens": str(len(tokenizer))})

    def difference(self, tokenizer: Any) -> str:
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


def _is_tokenizer(value: Any) -> bool:
    """Whether this is a tokenizer of transformers, which is not imported to find out."""
    home = sys.modules.get("transformers.tokenization_utils_base")
    return home is not None and isinstance(value, home.PreTrainedTokenizerBase)


def _snapshot(value: Any, of_model: Callable[[torch.nn.Module], ModelState]) -> Any:
    if isinstance(value, torch.nn.Module):
        return of_model(value)
    if _is_tokenizer(value):
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
