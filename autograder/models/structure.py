"""The structure of a full-scale model: its config, and its modules without weights."""

from __future__ import annotations

from contextlib import suppress
from types import MappingProxyType

import torch
from torch import nn
from transformers import AutoConfig, AutoModelForCausalLM, PretrainedConfig, PreTrainedModel

from autograder.models.choice import ModelChoice
from autograder.models.errors import ModelError
from autograder.models.shapes import SHAPES


def config_of(choice: ModelChoice) -> PretrainedConfig:
    """The model's config; `ModelError` where it needs code that is not trusted."""
    if not choice.folder:
        settings = dict(SHAPES[choice.name])
        return AutoConfig.for_model(settings.pop("model_type"), **settings)
    try:
        return AutoConfig.from_pretrained(
            choice.folder, trust_remote_code=choice.trust_remote_code, local_files_only=True
        )
    except (ValueError, KeyError, OSError, ImportError) as error:
        if "trust_remote_code" in str(error):
            raise needs_trust(choice) from error
        reason = str(error).partition("\n")[0][:300]
        raise ModelError(f"--model {choice.name}: its config cannot be used ({reason}).") from error


def needs_trust(choice: ModelChoice) -> ModelError:
    """What to say of a model that brings code of its own."""
    return ModelError(
        f"--model {choice.name}: this model brings its own Python code, which would run as the "
        "grader. Add --trust-remote-code if you trust its authors."
    )


PLAIN = MappingProxyType({"attn_implementation": "eager", "experts_implementation": "eager"})
"""How models compute: other attention takes longer to load than lab-sized inputs to run."""


def compute_for(model: PreTrainedModel, device: str) -> None:
    """On a GPU, where a loop over experts is many times slower, take them in one grouped product.

    Models whose own code knows no such thing stay as they are.
    """
    if device.startswith("cuda"):
        with suppress(ValueError, ImportError):
            model.set_experts_implementation("grouped_mm")


def structure(choice: ModelChoice, device: str) -> PreTrainedModel:
    """The causal language model on the meta device: every module, no weights.

    Raises `ModelError` where transformers cannot build it.
    """
    config = config_of(choice)
    dtype = config.dtype if isinstance(config.dtype, torch.dtype) else torch.bfloat16
    try:
        with torch.device("meta"):
            model = AutoModelForCausalLM.from_config(
                config,
                dtype=dtype,
                trust_remote_code=choice.trust_remote_code,
                **PLAIN,
            )
    except ValueError as error:
        if "trust_remote_code" in str(error):
            raise needs_trust(choice) from error
        raise ModelError(
            f"--model {choice.name}: transformers knows no causal language model of type "
            f"{config.model_type!r}."
        ) from error
    model.tie_weights()
    compute_for(model, device)
    return model.eval()


def weight_bytes(module: nn.Module) -> int:
    """Bytes of the parameters and buffers of a model or of a part of it."""
    tensors = (*module.parameters(), *module.buffers())
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)
