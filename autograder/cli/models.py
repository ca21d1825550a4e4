"""The options --model, --device, --gpu-memory and --trust-remote-code: which models, and where."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from autograder.cli.common import CannotStart, size, told

if TYPE_CHECKING:
    from autograder.models.choice import ModelChoice
    from autograder.serving.placement import Placement

_DEVICE = re.compile(r"auto|cpu|cuda(:\d{1,3})?")


@dataclass(frozen=True, slots=True)
class Models:
    """What to grade with: `names` for the reports, full-scale models, and where they are."""

    names: tuple[str, ...]
    choices: tuple[ModelChoice, ...]
    placements: tuple[Placement, ...]


def model_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Declare the options."""
    for option in (
        click.option(
            "--trust-remote-code",
            is_flag=True,
            help="Run Python code that comes with a model, as the grader.",
        ),
        click.option(
            "--gpu-memory",
            type=size,
            default="0",
            metavar="SIZE",
            help="Most of each GPU to plan with; experts that do not fit go elsewhere.  [default: "
            "what is free]",
        ),
        click.option(
            "--device",
            default="auto",
            show_default=True,
            help="cpu, cuda (all GPUs), cuda:1, …",
        ),
        click.option(
            "--model",
            "models",
            metavar="NAME",
            multiple=True,
            default=("tiny",),
            help="tiny, deepseek-v2-lite, olmoe-1b-7b, qwen3-30b-a3b, gpt-oss-20b, a folder or a "
            "Hugging Face id.  [default: tiny]",
        ),
    ):
        command = option(command)
    return command


def find_models(
    names: tuple[str, ...], device: str, *, gpu_memory: int = 0, trust_remote_code: bool = False
) -> Models:
    """Find out what the options mean; `CannotStart` with what is wrong. `gpu_memory` is in bytes.

    The eight tiny families take part in every run; named with a GPU's device, they are there, too.
    """
    if not _DEVICE.fullmatch(device):
        raise CannotStart(f"{device!r} is not a device: give auto, cpu, cuda or cuda:1.")
    from autograder.models.choice import TINY, choose
    from autograder.models.errors import ModelError

    names = tuple(dict.fromkeys(names))
    with told(ModelError):
        found = [choose(name, trust_remote_code=trust_remote_code) for name in names]
    choices = [choice for choice in found if choice is not None]
    placements = _placements(device, gpu_memory, full_scale=bool(choices), tiny=TINY in names)
    with told(ModelError):
        choices = [_here(choice, placements) for choice in choices]
    return Models(names, tuple(choices), placements)


def _placements(device: str, memory: int, *, full_scale: bool, tiny: bool) -> tuple[Placement, ...]:
    from autograder.sandbox.devices import gpus
    from autograder.serving.placement import Placement

    there = gpus() if device != "cpu" else ()
    if device.startswith("cuda"):
        number = int(device.partition(":")[2] or 0)
        if number >= len(there):
            raise CannotStart(
                f"There is no {device} here: NVIDIA's driver shows {len(there)} GPUs. "
                "Use --device cpu, or see `moelab doctor`."
            )
        chosen = there if device == "cuda" else there[number : number + 1]
        return tuple(Placement(gpus=(gpu,), memory=memory, tiny_too=tiny) for gpu in chosen)
    if not full_scale:
        return ()
    return tuple(Placement(gpus=(gpu,), memory=memory) for gpu in there) or (Placement(),)


def _here(choice: ModelChoice, placements: tuple[Placement, ...]) -> ModelChoice:
    """The choice with its files on this machine."""
    if choice.folder or choice.planted:
        return choice
    click.echo(f"getting {choice.name} from Hugging Face, unless it is in the cache", err=True)
    from autograder.models.download import download
    from autograder.serving.placement import arranged

    return download(choice, lambda described: arranged(placements, (described,)))
