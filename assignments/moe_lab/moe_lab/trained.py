"""The small model after some training: checkpoints that lie beside this module.

They were written by `benchmarks/train_router.py`. Where the files are missing (a notebook for Colab
holds text alone), the same training runs once more, which takes some twenty seconds.
"""

from __future__ import annotations

import copy
from functools import cache
from pathlib import Path

import torch
from safetensors.torch import load_file
from transformers import PreTrainedModel
from transformers.models.mixtral.modeling_mixtral import load_balancing_loss_func

from moe_lab.training import small_model, train

STEPS = (0, 20, 200)
ALPHA = 0.01
FOLDER = Path(__file__).parent / "checkpoints"


def trained_model(step: int = STEPS[-1]) -> PreTrainedModel:
    """The model after this many steps, in float32 and evaluation mode.

    Raises `ValueError` for a step of which there is no checkpoint.
    """
    if step not in STEPS:
        raise ValueError(f"there are checkpoints of the steps {STEPS}; step {step} is none of them")
    file = FOLDER / f"step_{step}.safetensors"
    if not file.is_file():
        return copy.deepcopy(trained_anew()[step])
    model = small_model()
    model.load_state_dict({name: value.float() for name, value in load_file(file).items()})
    return model.eval()


@cache
def trained_anew() -> dict[int, PreTrainedModel]:
    """Train from the start, and keep the model at each of `STEPS`."""
    model = small_model()
    kept = {}
    for step, _ in enumerate(train(model, balance_loss, steps=STEPS[-1] + 1)):
        if step in STEPS:
            kept[step] = copy.deepcopy(model).eval()
    return kept


def balance_loss(logits: torch.Tensor, top_k: int, groups: torch.Tensor) -> torch.Tensor:
    """`ALPHA` times the Switch loss of a layer; transformers' own is `top_k` times as large."""
    loss = load_balancing_loss_func((logits,), logits.shape[1], top_k)
    return ALPHA / top_k * torch.as_tensor(loss)
