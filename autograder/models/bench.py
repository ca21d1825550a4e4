"""The bench of a run that grades with full-scale models besides the tiny ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import nn
from transformers import PreTrainedModel

from autograder.models.choice import ModelChoice
from autograder.models.planting import SOFTMAX, plan_for, plant_routers, router_names
from autograder.models.structure import structure
from moe_lab.bench import Bench


class Routing(Protocol):
    """The ground truth of a model's routing: planted, or measured by who owns the weights."""

    @property
    def num_routers(self) -> int: ...

    @property
    def num_experts(self) -> int: ...

    @property
    def top_k(self) -> int: ...

    def counts(
        self,
        router_index: int,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor | None = None,
        top_k: int | None = None,
    ) -> torch.Tensor: ...

    def logits(self, router_index: int, input_ids: torch.Tensor) -> torch.Tensor: ...


@dataclass(frozen=True, slots=True)
class FullScale:
    """A full-scale model as one side sees it.

    The grader's has no weights but those of its routers; the sandbox's has weights, and no ground
    truth (`routing` is None there).
    """

    model: PreTrainedModel
    router_names: tuple[str, ...] = ()
    routing: Routing | None = None


class ScaledBench(Bench):
    """The tiny bench, and full-scale models by name: `model`, `plan`, `router_names` know them."""

    def __init__(self, seed: int | str, scaled: Mapping[str, FullScale]) -> None:
        self._scaled = dict(scaled)
        super().__init__(seed)

    @property
    def full_scale(self) -> tuple[str, ...]:
        return tuple(self._scaled)

    @property
    def softmax_models(self) -> tuple[str, ...]:
        own = (n for n, one in self._scaled.items() if one.model.config.model_type in SOFTMAX)
        return (*self.softmax_families, *own)

    def model(self, family: str, dtype: torch.dtype = torch.float32) -> PreTrainedModel:
        if family in self._scaled:  # in the dtype of its weights, whatever is asked for
            return self.resolve(f"model:{family}")
        return super().model(family, dtype)

    def plan(self, family: str) -> Any:
        if family in self._scaled:
            return self._scaled[family].routing
        return super().plan(family)

    def router_names(self, family: str) -> tuple[str, ...]:
        if family in self._scaled:
            return self._scaled[family].router_names
        return super().router_names(family)

    def tiny(self) -> Bench:
        """The tiny models alone, the same objects, for what has no full-scale ones to run on."""
        bench = Bench(self.seed)
        bench._made, bench._handles, bench._plans = self._made, self._handles, self._plans
        return bench

    def _all_makers(self) -> dict[str, Any]:
        own = {f"model:{name}": _giving(one.model) for name, one in self._scaled.items()}
        return super()._all_makers() | own


def _giving(model: nn.Module) -> Any:
    return lambda: model


def planted_for_checks(choice: ModelChoice, device: str, seed: str) -> FullScale:
    """The grader's side of a planted model: its structure, its routers' weights and the truth."""
    model = structure(choice, device)
    plan = plan_for(choice, model, seed)
    plant_routers(choice, model, plan, seed)
    return FullScale(model, router_names(model), plan)
