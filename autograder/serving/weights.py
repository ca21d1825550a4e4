"""A full-scale model with its weights, in the process that owns them."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import Any

import torch
from accelerate.hooks import remove_hook_from_submodules
from transformers import AutoModelForCausalLM, PreTrainedModel

from autograder.models.choice import ModelChoice
from autograder.models.device_map import Away, compute_there, device_map
from autograder.models.errors import ModelError
from autograder.models.planting import fill, plan_for
from autograder.models.sharing import Shared, allocate, distinct_tensors, named_tensors, share
from autograder.models.structure import PLAIN, compute_for, needs_trust, structure
from autograder.serving.fingerprint import Fingerprint
from moe_lab.planted import RoutingPlan

ATTEMPTS = 4  # what an ended process had asked of the GPU may still be under way
NOTHING_AWAY: Away = MappingProxyType({})


class Weights:
    """One copy of a model's weights, and what tells whether they were changed.

    It lies on `device`, but for the experts that are `away`. `changes` counts how often weights
    were found changed; each time they were made again. Raises `ModelError`.
    """

    def __init__(
        self,
        choice: ModelChoice,
        device: str,
        seed: str,
        *,
        away: Away = NOTHING_AWAY,
        private: bool = True,
    ) -> None:
        self.choice = choice
        self.changes = 0
        self._device = device
        self._away = away
        self._seed = seed
        self._private = private
        empty = structure(choice, device)
        self._plan = plan_for(choice, empty, seed) if choice.planted else None
        self.model = self._made(empty)
        self.shared: Shared = share(self.model, device, away, private=private)
        compute_there(self.model, away)
        self._fingerprints = {
            str(one): Fingerprint(str(one))
            for one in dict.fromkeys(tensor.device for tensor in self._exposed())
        }
        self._right = self._now()

    def verify(self) -> int:
        """Look whether the weights are as they were, make them again if not; returns `changes`.

        Whoever changed them may be doing it still, or hold the memory that making them takes: then
        the next look finds that.
        """
        if self._now() != self._right:
            self.changes += 1
            with suppress(torch.OutOfMemoryError):
                self._restore()
        return self.changes

    def secure(self) -> int:
        """As `verify`, when nobody is at the model: the weights are right afterwards."""
        for _ in range(ATTEMPTS):
            before = self.changes
            if self.verify() == before:
                return before
        raise ModelError(
            f"--model {self.choice.name}: its weights were changed and could not be restored. "
            "Start again: what is graded already is kept."
        )

    def _made(self, empty: PreTrainedModel) -> PreTrainedModel:
        if self._plan is None:
            placed = device_map(empty, self._device, self._away) if self._away else None
            return loaded(self.choice, self._device, placed)
        allocate(empty, self._device, self._away)
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

    def _now(self) -> dict[str, int]:
        """The fingerprints of what others could change, by device."""
        tensors = list(self._exposed())
        return {
            device: fingerprint(tensor for tensor in tensors if str(tensor.device) == device)
            for device, fingerprint in self._fingerprints.items()
        }

    def _exposed(self) -> Iterator[torch.Tensor]:
        """The tensors that others could write to: not those that they map privately."""
        for tensor in distinct_tensors(self.model)[1].values():
            if not (self._private and tensor.device.type == "cpu"):
                yield tensor

    @property
    def plan(self) -> RoutingPlan | None:
        """The ground truth of planted weights."""
        return self._plan


def loaded(
    choice: ModelChoice, device: str, placed: Mapping[str, str] | None = None
) -> PreTrainedModel:
    """Load real weights as anybody would, with accelerate's device map: `placed`, or all on one."""
    logging.getLogger("accelerate.big_modeling").setLevel(logging.ERROR)  # of hooks that go again
    details: dict[str, Any] = {
        "dtype": "auto",
        "device_map": placed or {"": device},
        "trust_remote_code": choice.trust_remote_code,
        "local_files_only": True,
        **PLAIN,
    }
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = AutoModelForCausalLM.from_pretrained(choice.folder, **details)
            remove_hook_from_submodules(model)  # `compute_there` does what they would
            compute_for(model, device)
    except Exception as error:
        if "trust_remote_code" in str(error):
            raise needs_trust(choice) from error
        reason = str(error).partition("\n")[0][:300]
        raise ModelError(
            f"--model {choice.name}: its weights cannot be loaded "
            f"({type(error).__name__}: {reason})."
        ) from error
    return model.eval()
