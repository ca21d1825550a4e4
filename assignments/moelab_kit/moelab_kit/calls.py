"""Calling a student's function: what is asked, what comes back, and the handle that checks hold.

The same `perform` runs in the student's notebook, in `moelab verify` and inside the sandbox. Only
the way a `Call` travels to it differs, and an `Answer` hides that from the check.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

import torch

from moelab_kit.compare import Opaque
from moelab_kit.side_effects import KnownStates, StateBefore, shared_memory


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a student's function.

    `gradient_of` names what to differentiate the result (summed, where it is not a scalar) by:
    positions of tensor arguments, or names of parameters of the first model argument. `count_lines`
    asks for the number of Python lines that the call runs.
    """

    function: str
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    gradient_of: tuple[int | str, ...] = ()
    count_lines: bool = False

    @property
    def arguments(self) -> tuple[Any, ...]:
        """All arguments, those that are given by name last."""
        return (*self.args, *self.kwargs.values())


@dataclass(frozen=True, slots=True)
class Raised:
    """An exception that a student's code raised, as data."""

    type_name: str
    bases: tuple[str, ...]
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a call gave: a value or an exception, and what it left behind.

    `left_behind`, `shares_memory` and `lines` (0 where they were not counted) are evidence gathered
    next to the student's code, so they can be forged: a check that reads them must ask for a right
    value too. `processor_seconds` cannot: of a call in a sandbox, the kernel tells the grader.
    """

    value: Any = None
    raised: Raised | None = None
    gradients: tuple[torch.Tensor | None, ...] = ()
    left_behind: str = ""
    shares_memory: str = ""
    lines: int = 0
    processor_seconds: float = 0.0


class CallFailed(Exception):  # noqa: N818 - a fact about the student's code, not an error of ours
    """A student's function gave no value; `raised` tells the exception, if it was one."""

    def __init__(self, message: str, raised: Raised | None = None) -> None:
        super().__init__(message)
        self.raised = raised


@dataclass(frozen=True, slots=True)
class Gradient:
    """A value with its gradients, `None` where nothing flows."""

    value: Any
    grads: tuple[torch.Tensor | None, ...]


class Answer:
    """A student's function as a check sees it: call it like the function itself.

    After each call `left_behind` says in words what the call changed (inputs, hooks, modes,
    gradients, parameters; empty when nothing), `shares_memory` which argument or parameter the
    result shares memory with, and `processor_seconds` how much time of the processors all threads
    of the call used: never what others used, though on a busy machine a processor can do less in
    the same time. A result that is no value (a generator, an object of a class of one's
    own) fails the check that asked for it.
    """

    def __init__(self, function: str, perform: Callable[[Call], Reply]) -> None:
        self.function = function
        self._perform = perform
        self.left_behind = ""
        self.shares_memory = ""
        self.processor_seconds = 0.0

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._reply(Call(self.function, args, kwargs)).value

    def gradient(
        self, *args: Any, wrt: int | str | Sequence[int | str] = 0, **kwargs: Any
    ) -> Gradient:
        """Call, and differentiate the result with respect to arguments or named parameters."""
        names = (wrt,) if isinstance(wrt, int | str) else tuple(wrt)
        reply = self._reply(Call(self.function, args, kwargs, names))
        return Gradient(reply.value, reply.gradients)

    def lines_run(self, *args: Any, **kwargs: Any) -> int:
        """How many lines of Python a call runs, those in libraries too: a measure of work that no
        busy machine changes. A loop over n things runs n lines at least; torch's and NumPy's own
        loops run none. The code that is counted can switch this off, but not `processor_seconds`.
        """
        return self._reply(Call(self.function, args, kwargs, count_lines=True)).lines

    def raises(self, error: type[Exception], *args: Any, **kwargs: Any) -> bool:
        """Whether the call raises `error` or a subclass; any other exception goes through."""
        try:
            self._reply(Call(self.function, args, kwargs))
        except CallFailed as failed:
            if failed.raised is not None and error.__name__ in failed.raised.bases:
                return True
            raise
        return False

    def _reply(self, call: Call) -> Reply:
        self.left_behind = self.shares_memory = ""
        reply = self._perform(call)
        self.left_behind, self.shares_memory = reply.left_behind, reply.shares_memory
        self.processor_seconds = reply.processor_seconds
        if reply.raised is not None:
            raise CallFailed(explain(call.function, reply.raised), reply.raised)
        if isinstance(reply.value, Opaque):
            raise AssertionError(f"{call.function} returned {reply.value.description}")
        return reply


def explain(function: str, raised: Raised) -> str:
    """One sentence on an exception that a student's function raised."""
    if raised.type_name == "NotImplementedError":
        return (
            f"{function} is not written yet: replace `raise NotImplementedError` with your own code"
        )
    detail = f": {raised.message}" if raised.message else ""
    return f"{function} raised {raised.type_name}{detail}"


def perform(function: Callable[..., Any], call: Call, known: KnownStates | None = None) -> Reply:
    """Call a function in this process and gather the reply; `known` as in `StateBefore`.

    The result's gradients are taken with respect to fresh leaves, so the caller's tensors never
    get a `.grad`. Figures that the call opened are closed, which leaves them readable: else a
    notebook would show those of a check, and hundreds would pile up.
    """
    args, leaves = _with_leaves(call)
    before, open_before = StateBefore(args, call.kwargs, known), _open_figures()
    lines = _Lines()
    began = time.process_time()
    try:
        if call.count_lines:
            value = lines.counted(function, *args, **call.kwargs)
        else:
            value = function(*args, **call.kwargs)
        gradients = _gradients(value, leaves) if leaves else ()
        used = time.process_time() - began
    except (Exception, SystemExit) as error:
        return Reply(raised=as_raised(error), left_behind=before.difference())
    finally:
        _close_figures(_open_figures() - open_before)
    return Reply(
        value=value,
        gradients=gradients,
        left_behind=before.difference(),
        shares_memory=shared_memory(value, args, call.kwargs),
        lines=lines.total,
        processor_seconds=used,
    )


class _Lines:
    """Counts lines as a debugger sees them: every round of a loop is one, even within a line."""

    def __init__(self) -> None:
        self.total = 0

    def counted(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        before = sys.gettrace()
        sys.settrace(self._see)
        try:
            return function(*args, **kwargs)
        finally:
            sys.settrace(before)

    def _see(self, frame: FrameType, event: str, arg: Any) -> Any:
        if event in ("call", "line"):
            self.total += 1
        return self._see


def as_raised(error: BaseException) -> Raised:
    """Describe an exception as data; a hostile `__str__` only spoils its own message."""
    try:
        message = str(error)
    except Exception:
        message = "(its message could not be read)"
    bases = tuple(base.__name__ for base in type(error).__mro__ if base is not object)
    return Raised(name_of(error), bases, message)


def name_of(error: BaseException) -> str:
    """The name of an exception's type as people know it.

    Python 3.13 raises private subclasses of its own, as `_IncompleteInputError` of `SyntaxError`.
    """
    known = (
        base.__name__
        for base in type(error).__mro__
        if base.__module__ != "builtins" or not base.__name__.startswith("_")
    )
    return next(known)


def _open_figures() -> set[int]:
    """The numbers of pyplot's open figures; none where pyplot was never imported."""
    pyplot = sys.modules.get("matplotlib.pyplot")
    return set(pyplot.get_fignums()) if pyplot is not None else set()


def _close_figures(numbers: set[int]) -> None:
    for number in numbers:
        sys.modules["matplotlib.pyplot"].close(number)


def _with_leaves(call: Call) -> tuple[tuple[Any, ...], tuple[torch.Tensor, ...]]:
    """Replace tensor arguments that are differentiated by leaves that require gradients."""
    args = list(call.args)
    leaves: list[torch.Tensor] = []
    for wanted in call.gradient_of:
        if isinstance(wanted, int):
            args[wanted] = args[wanted].detach().clone().requires_grad_()
            leaves.append(args[wanted])
        else:
            model = next(arg for arg in args if isinstance(arg, torch.nn.Module))
            leaves.append(model.get_parameter(wanted))
    return tuple(args), tuple(leaves)


def _gradients(value: Any, leaves: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor | None, ...]:
    if not isinstance(value, torch.Tensor) or not value.requires_grad:
        return tuple(None for _ in leaves)
    return tuple(torch.autograd.grad(value.sum(), leaves, allow_unused=True))
