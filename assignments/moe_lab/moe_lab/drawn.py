"""Models that a check draws for itself: a recipe crosses to the sandbox, which builds the model.

The bench's own models are known to a sandbox before a submission runs. A drawn model is not: its
recipe, with the seed of its weights, is known when the model is used and not before. Its weights
are random, so there is no table that tells its routing: the grader measures it on its own copy.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch
from torch import nn
from transformers import PreTrainedModel

from moe_lab.families import Family, build, build_dense, family_named
from moe_lab.planted import randomise, routers_of

PREFIX = "drawn:"


_FAILURES: dict[str, type[Exception]] = {
    error.__name__: error
    for error in (RuntimeError, ValueError, IndexError, KeyError, FloatingPointError)
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What a drawn model is.

    `family` is one of the eight, or "dense". `layers` and `experts` replace the family's numbers
    (0: as they are; `experts` for the families without groups). `dropout` is the attention's in
    training mode; 1 makes training mode another function without any chance in it. `training` tells
    what is in training mode: "" nothing, "all", or "part", every second layer. `frozen`
    parameters alternate with trainable ones; `gradients`: every trainable parameter has one from an
    earlier step. `decoys`: modules called `gate` and `router` that score no experts stand in
    attention and in dense layers. `held` names the attributes of a plain module that holds the
    model; `raises` is an exception that the model raises before its last layer.
    """

    family: str
    seed: int
    dtype: str = "float32"
    layers: int = 0
    experts: int = 0
    dropout: float = 0.0
    training: str = ""
    frozen: bool = False
    gradients: bool = False
    decoys: bool = False
    held: tuple[str, ...] = ()
    raises: str = ""

    @property
    def handle(self) -> str:
        """The recipe as text."""
        return PREFIX + json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_handle(cls, handle: str) -> Recipe:
        """Read a recipe; `KeyError` where it is none."""
        try:
            plain = json.loads(handle.removeprefix(PREFIX))
            return cls(**plain | {"held": tuple(plain["held"])})
        except (TypeError, ValueError) as error:
            raise KeyError(handle) from error

    @property
    def shape(self) -> Family:
        """The family with the recipe's numbers of layers and experts."""
        family = family_named(self.family)
        settings = dict(family.settings) | {"attention_dropout": self.dropout}
        if "router_jitter_noise" in settings:
            settings["router_jitter_noise"] = 0.0
        if self.experts:
            key = next(name for name in settings if name in ("num_experts", "num_local_experts"))
            settings[key] = self.experts
        return replace(
            family,
            settings=settings,
            num_layers=self.layers or family.num_layers,
            num_experts=self.experts or family.num_experts,
            router_layers=(),  # which they are is for the checks to say
        )


class PlainGate(nn.Module):
    """A gate of attention, kept as a plain module with a matrix: one row per head."""

    def __init__(self, rows: int, columns: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(rows, columns))

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        return torch.sigmoid(hidden @ self.weight.T)


class Holder(nn.Module):
    """A module that holds one model, in as many attributes as it is told."""

    def __init__(self, model: nn.Module, attributes: Iterable[str]) -> None:
        super().__init__()
        for name in attributes:
            setattr(self, name, model)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return next(self.children())(*args, **kwargs)


class Failing(nn.Module):
    """A norm whose forward raises: it stops a model in the middle of its layers."""

    def __init__(self, error: type[Exception]) -> None:
        super().__init__()
        self._error = error

    def forward(self, *args: Any, **kwargs: Any) -> torch.Tensor:
        raise self._error("planted failure")


def build_drawn(recipe: Recipe, device: torch.device) -> nn.Module:
    """Build the model of a recipe; it has run once, and transformers' own hooks are in place."""
    dtype: torch.dtype = getattr(torch, recipe.dtype)
    model = build_dense(dtype) if recipe.family == "dense" else build(recipe.shape, dtype)
    generator = torch.Generator().manual_seed(recipe.seed)
    randomise(model, generator)
    if recipe.decoys:
        _add_decoys(model, generator)
    model.to(device)
    with torch.no_grad():
        model(
            torch.zeros(1, 2, dtype=torch.int64, device=device),
            output_hidden_states=True,
            output_attentions=True,
            **({} if recipe.family == "dense" else {"output_router_logits": True}),
        )
    if recipe.raises:
        model.base_model.layers[-1].input_layernorm = Failing(_FAILURES[recipe.raises])
    _prepare_parameters(model, recipe, generator)
    made = Holder(model, recipe.held) if recipe.held else model
    made.train(recipe.training == "all")
    if recipe.training == "part":
        for layer in model.base_model.layers[::2]:
            layer.train()
    return made


def _add_decoys(model: PreTrainedModel, generator: torch.Generator) -> None:
    """Put gates that score no experts into every layer: none has as many rows as there are experts.

    In attention a plain module called `gate` and a linear layer called `router`; in dense
    feed-forward networks a linear layer called `gate`, as wide as the network.
    """
    hidden = model.config.hidden_size
    experts = {router.weight.shape[0] for router in routers_of(model)}
    rows = next(heads for heads in (4, 3) if heads not in experts)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(torch.randint(2**31, (), generator=generator)))
        for layer in model.base_model.layers:
            layer.self_attn.gate = PlainGate(rows, hidden)
            nn.init.normal_(layer.self_attn.gate.weight)
            layer.self_attn.router = nn.Linear(hidden, 2, bias=False)
            block: Any = getattr(layer, "mlp", None)
            if hasattr(block, "down_proj"):
                block.gate = nn.Linear(hidden, block.down_proj.in_features, bias=False)


def _prepare_parameters(model: PreTrainedModel, recipe: Recipe, generator: torch.Generator) -> None:
    """Freeze every second parameter, and leave gradients, as the recipe says."""
    for place, parameter in enumerate(model.parameters()):
        if recipe.frozen and place % 2:
            parameter.requires_grad_(False)
        elif recipe.gradients:
            noise = torch.randn(parameter.shape, generator=generator)
            parameter.grad = noise.to(parameter)
