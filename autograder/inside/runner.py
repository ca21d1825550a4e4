"""What a child offers the grader: read a submission, run its cells, call its functions."""

from __future__ import annotations

import gc
import resource
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from matplotlib.figure import Figure

from autograder.inside.gpu import sleep_while_waiting
from autograder.inside.overheard import Overheard
from autograder.inside.rootfs import WRITABLE
from autograder.inside.selftest import probe
from autograder.notebook.functions import function_sources
from autograder.notebook.reading import Unreadable, read_submission
from autograder.notebook.workspace import Workspace, warm_up
from autograder.wire.decode import decode
from autograder.wire.encode import encode
from autograder.wire.limits import WireError
from autograder.wire.messages import FAILED, MISSING, Handles, decode_call, encode_reply
from autograder.wire.png import MAX_BYTES
from moelab_kit import given_by
from moelab_kit.bench import EmptyBench, HeldModels, bench_of
from moelab_kit.calls import Call, Raised, Reply, as_raised, perform
from moelab_kit.figures import picture
from moelab_kit.side_effects import KnownStates

if TYPE_CHECKING:
    from autograder.inside.models import FullScaleModels

COLLECTED_KIB = 256 << 10  # garbage is collected whenever the process has grown by so much

MAX_REASON = 200  # characters


class Runner:
    """One submission's workspace on the bench of a run: built in the zygote, used in a child."""

    def __init__(
        self,
        bench_seed: str,
        full_scale: FullScaleModels | None = None,
        *,
        tiny_on_gpu: bool = False,
        packages: tuple[str, ...] = ("moe_lab",),
    ) -> None:
        self._full_scale = full_scale
        self._packages = packages
        self._bench: HeldModels = (
            full_scale.bench(bench_seed) if full_scale else bench_of(packages, bench_seed)
        )
        self._handles: Handles = _on_gpu(self._bench) if tiny_on_gpu else self._bench
        self._tiny_on_gpu = tiny_on_gpu
        self._known = KnownStates()
        self._workspace: Workspace | None = None
        self._wanted: tuple[str, ...] = ()  # the exercises' functions, until the first is called
        self._overheard = Overheard()
        self._largest = _largest_kib()

    def warm_up(self) -> None:
        """Build every model and tokenizer of the bench, and the workspace, before the fork.

        What tells the routing of the models is forgotten: a child has the models and no answers.
        """
        self._bench.forget_truth()
        for handle in self._bench.keys():  # noqa: SIM118 - a bench is no dict
            made = self._bench.resolve(handle)
            if isinstance(made, torch.nn.Module) and self._stays(made):
                self._known.before(made)
        warm_up(self._packages)
        given = [given_by(package, graded=True) for package in self._packages]
        self._workspace = Workspace({k: v for one in given for k, v in one.items()}, self._packages)

    def after_fork(self) -> None:
        """In a child, before anything starts a thread there.

        After a fork torch makes its pool of threads again when that is first asked for. Two threads
        that ask at the same time end the process: so it is asked for here.
        """
        torch.set_num_threads(1)

    def start_device(self) -> None:
        """In a child with a GPU, before it is locked down: start CUDA and take the weights.

        Models run once, so that the kernels they use are loaded before the clock runs.
        """
        sleep_while_waiting()
        torch.zeros(1, device="cuda")
        if self._full_scale is not None:
            self._full_scale.attach()
        if self._tiny_on_gpu and not isinstance(self._bench, EmptyBench):
            from autograder.inside.models import warm_forward

            warm_forward(self._handles.resolve("model:olmoe:float32"))

    def answer(self, kind: str, request: bytes) -> bytes:
        """The reply to one request; whatever the student's code raises becomes part of it."""
        handlers: dict[str, Callable[[bytes], bytes]] = {
            "read": self._read,
            "functions": self._functions,
            "files": self._files,
            "cell": self._cell,
            "call": self._call,
            "overhear": self._overhear,
            "heard": self._heard,
            "picture": self._picture,
            "probe": lambda request: encode(probe(decode(request))),
        }
        try:
            return handlers[kind](request)
        except BaseException as error:
            return FAILED + type(error).__name__[:100].encode("utf-8", "replace")
        finally:
            self._collect_garbage()

    def _stays(self, model: torch.nn.Module) -> bool:
        """Whether a model's tensors are the same before and after the fork."""
        moves = self._tiny_on_gpu or any(parameter.is_meta for parameter in model.parameters())
        return not moves

    @property
    def _space(self) -> Workspace:
        if self._workspace is None:
            raise RuntimeError("the runner was not warmed up before the fork")
        return self._workspace

    def _read(self, request: bytes) -> bytes:
        data, name, wanted = decode(request)
        self._wanted = tuple(wanted)
        try:
            source = read_submission(data, name, wanted=wanted)
        except Unreadable as error:
            return encode(("unreadable", str(error)))
        cells = tuple(cell.encode("utf-8", "replace") for cell in source.cells)
        said = (source.kind, source.assignment, source.warnings)
        return encode(("source", cells, *said, source.doubt, source.companions))

    def _functions(self, request: bytes) -> bytes:
        cells, beside, wanted = decode(request)
        texts = ([text.decode("utf-8", "replace") for text in each] for each in (cells, beside))
        main, modules = texts
        found = function_sources(main, wanted, modules)
        return encode(
            tuple((name, code.encode("utf-8", "replace")) for name, code in found.items())
        )

    def _files(self, request: bytes) -> bytes:
        self._space.bring(dict(decode(request)), WRITABLE)
        return encode(None)

    def _cell(self, request: bytes) -> bytes:
        source, kind = decode(request)
        already = len(self._space.notes)
        error = self._space.run_cell(source.decode(), kind)
        raised = None if error is None else (error.type_name, error.message, error.line)
        return encode((raised, self._space.notes[already:]))

    def _overhear(self, request: bytes) -> bytes:
        """A call as any other, but what the function says is kept until it is asked for."""
        self._overheard = Overheard()
        with self._overheard:
            return self._call(request, self._overheard.listening)

    def _heard(self, request: bytes) -> bytes:
        """What the function printed in the call before, and where it raised."""
        return encode((self._overheard.printed, self._overheard.traceback))

    def _call(
        self,
        request: bytes,
        around: Callable[[Callable[..., Any]], Callable[..., Any]] = lambda function: function,
    ) -> bytes:
        call = _beside_the_model(decode_call(request, self._handles))
        function = self._function(call.function)
        if not callable(function):
            reason = self._space.why_missing(call.function)[:MAX_REASON]
            return MISSING + reason.encode("utf-8", "replace")
        try:
            reply = perform(around(function), call, self._known)
        except BaseException as error:
            reply = Reply(raised=as_raised(error))
        if reply.raised is not None and "NameError" in (
            reply.raised.type_name,
            *reply.raised.bases,
        ):
            told = self._space.why_undefined(reply.raised.message)
            reply = replace(reply, raised=replace(reply.raised, message=told))
        try:
            return encode_reply(reply, call, self._bench)
        except WireError as error:
            raised = Raised("ValueError", ("ValueError", "Exception"), str(error))
            return encode_reply(Reply(raised=raised), call, self._bench)

    def _picture(self, request: bytes) -> bytes:
        """The figure that a call returns as PNG, None where it returns none."""
        call = _beside_the_model(decode_call(request, self._handles))
        function: Any = self._function(call.function)
        figure = perform(function, call, self._known).value
        drawn = picture(figure, MAX_BYTES) if isinstance(figure, Figure) else b""
        return encode(drawn or None)

    def _function(self, name: str) -> object:
        """What the cells left under this name, now that all of them have run."""
        if self._wanted:
            self._space.give_helpers_back(self._wanted)
            self._wanted = ()
        return self._space.function(name)

    def _collect_garbage(self) -> None:
        """Spend time on garbage only where it takes up memory, which is limited."""
        largest = _largest_kib()
        if largest > self._largest + COLLECTED_KIB:
            gc.collect()
            self._largest = largest


def _on_gpu(bench: HeldModels) -> Handles:
    from autograder.inside.models import OnGpu

    return OnGpu(bench)


def _beside_the_model(call: Call) -> Call:
    """See `beside_the_model`; a course without models has nothing to stand beside."""
    if not any(isinstance(one, torch.nn.Module) for one in call.arguments):
        return call
    from autograder.inside.models import beside_the_model

    return beside_the_model(call)


def _largest_kib() -> int:
    """The most memory that this process has used, in KiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
