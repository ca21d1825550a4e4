"""Full-scale models in the sandbox: structure in the zygote, shared weights where they are used."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from accelerate.hooks import AlignDevicesHook, add_hook_to_module
from torch import nn

from autograder.inside.spec import SharedModel
from autograder.models.bench import FullScale, ScaledBench
from autograder.models.choice import ModelChoice
from autograder.models.device_map import compute_there
from autograder.models.sharing import Shared, attach
from autograder.models.structure import structure
from autograder.wire.decode import decode
from moe_lab.bench import Bench
from moelab_kit.bench import HeldModels
from moelab_kit.calls import Call

_WARM_UP = ((1, 16), (2, 12))  # shapes [B, S] like those of the checks


class FullScaleModels:
    """The run's full-scale models: they have weights on the CPU at once, on a GPU in the child.

    `files` are descriptors of the memory that holds the weights on the CPU, in the order of the
    models that have any there.
    """

    def __init__(self, models: tuple[SharedModel, ...], files: Sequence[int]) -> None:
        self._models = {}
        self._later = {}
        waiting = iter(files)
        for one in models:
            choice = ModelChoice(**one.choice)
            shared = Shared.from_plain(decode(Path(one.place).read_bytes()), -1)
            model = structure(choice, shared.device)
            self._models[choice.name] = model
            if shared.size:
                file = next(waiting)
                attach(model, replace(shared, file=file), "cpu")
                os.close(file)
            if shared.device != "cpu":
                self._later[choice.name] = shared

    @property
    def handles(self) -> tuple[str, ...]:
        """Files of the owners that CUDA opens to map the weights."""
        return tuple(sorted({handle for one in self._later.values() for handle in one.handles}))

    def bench(self, seed: str) -> Bench:
        """The bench with these models; the sandbox has no ground truth for them."""
        return ScaledBench(seed, {name: FullScale(model) for name, model in self._models.items()})

    def attach(self) -> None:
        """Take the weights on GPUs, and run each model once."""
        for name, shared in self._later.items():
            attach(self._models[name], shared, "cuda")
            take_inputs_from_anywhere(self._models[name])
            compute_there(self._models[name], shared.away)
            warm_forward(self._models[name])


class OnGpu:
    """The handles of a bench whose models move to the GPU when they are first asked for."""

    def __init__(self, bench: HeldModels) -> None:
        self._bench = bench
        self._moved: set[str] = set()

    def handle_of(self, value: Any) -> str | None:
        return self._bench.handle_of(value)

    def resolve(self, handle: str) -> Any:
        found = self._bench.resolve(handle)
        if isinstance(found, nn.Module) and handle not in self._moved:
            self._moved.add(handle)
            take_inputs_from_anywhere(found.to("cuda"))
        return found


def beside_the_model(call: Call) -> Call:
    """The call with its tensor arguments on the device of its model, as a caller would have them.

    What lies inside lists and dicts stays on the CPU, where a data loader would leave it.
    """
    model = next((one for one in call.arguments if isinstance(one, nn.Module)), None)
    device = next((p.device for p in model.parameters()), None) if model is not None else None
    if device is None or device.type == "cpu":
        return call

    def placed(value: Any) -> Any:
        return value.to(device) if isinstance(value, torch.Tensor) else value

    return replace(
        call,
        args=tuple(map(placed, call.args)),
        kwargs={name: placed(value) for name, value in call.kwargs.items()},
    )


def take_inputs_from_anywhere(model: nn.Module) -> None:
    """Let a model on a GPU move its inputs there itself, as one with a device map does.

    Then a submission that never speaks of devices gets the grade that it gets on the CPU.
    """
    add_hook_to_module(model, AlignDevicesHook(execution_device="cuda"))


@torch.no_grad()
def warm_forward(model: nn.Module) -> None:
    """Load the kernels that forwards of the checks will use."""
    device = next(model.parameters()).device
    for shape in _WARM_UP:
        ids = torch.zeros(shape, dtype=torch.int64, device=device)
        model(input_ids=ids, attention_mask=torch.ones_like(ids), use_cache=False)
