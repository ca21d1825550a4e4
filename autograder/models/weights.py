"""A full-scale model with its weights, in the process that owns them."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import torch
from transformers import AutoModelForCausalLM, PreTrainedModel

from autograder.lab.planted import RoutingPlan
from autograder.models.choice import ModelChoice
from autograder.models.errors import ModelError
from autograder.models.fingerprint import Fingerprint
from autograder.models.fit import require_fit
from autograder.models.planting import fill, plan_for
from autograder.models.sharing import Shared, allocate, named_tensors, share
from autograder.models.structure import needs_trust, options, structure


class Weights:
    """The one copy of a model's weights on a device, and what tells whether they were changed.

    `changes` counts how often they were found changed; each time they were made again. Raises
    `ModelError`, before anything is loaded, where the model does not fit.
    """

    def __init__(
        self, choice: ModelChoice, device: str, seed: str, *, private: bool = True
    ) -> None:
        self.choice = choice
        self.device = device
        self.changes = 0
        self._seed = seed
        empty = structure(choice, device)
        self._plan = plan_for(choice, empty, seed) if choice.planted else None
        require_fit(choice, empty, device)
        self.model = self._made(empty)
        self.shared: Shared = share(self.model, device, private=private)
        self._fingerprint = Fingerprint(device)
        self._right = self._now()

    def verify(self) -> int:
        """Look whether the weights are as they were, make them again if not; returns `changes`."""
        if self._now() != self._right:
            self.changes += 1
            self._restore()
            if self._now() != self._right:
                raise ModelError(
                    f"--model {self.choice.name}: its weights were changed and could not be "
                    "restored. Start again."
                )
        return self.changes

    def _made(self, empty: PreTrainedModel) -> PreTrainedModel:
        if self._plan is None:
            return loaded(self.choice, self.device)
        allocate(empty, self.device)
        fill(self.choice, empty, self._plan, self._seed)
        return empty

    @torch.no_grad()
    def _restore(self) -> None:
        """Write the right weights into the same memory."""
        if self._plan is not None:
            fill(self.choice, self.model, self._plan, self._seed)
            return
        right = named_tensors(loaded(self.choice, "cpu"))
        for name, tensor in named_tensors(self.model).items():
            tensor.copy_(right[name])

    def _now(self) -> int:
        return self._fingerprint(_distinct(self.model))

    @property
    def plan(self) -> RoutingPlan | None:
        """The ground truth of planted weights."""
        return self._plan


def loaded(choice: ModelChoice, device: str) -> PreTrainedModel:
    """Load real weights as anybody would, with accelerate's device map."""
    details: dict[str, Any] = {
        "dtype": "auto",
        "device_map": {"": device},
        "trust_remote_code": choice.trust_remote_code,
        "local_files_only": True,
        **options(device),
    }
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = AutoModelForCausalLM.from_pretrained(choice.folder, **details)
    except Exception as error:
        if "trust_remote_code" in str(error):
            raise needs_trust(choice) from error
        reason = str(error).partition("\n")[0][:300]
        raise ModelError(
            f"--model {choice.name}: its weights cannot be loaded "
            f"({type(error).__name__}: {reason})."
        ) from error
    return model.eval()


def _distinct(model: torch.nn.Module) -> Iterator[torch.Tensor]:
    seen: set[int] = set()
    for tensor in named_tensors(model).values():
        if id(tensor) not in seen:
            seen.add(id(tensor))
            yield tensor
