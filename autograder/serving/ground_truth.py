"""What checks compare with at a full-scale model, computed by its server with the course's code.

The routing of a model with real weights is in no closed form: `MeasuredRouting` asks for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import torch
from torch import nn

from autograder.authoring.assignment import Assignment
from autograder.authoring.course import load_assignment
from autograder.models.bench import FullScale, ScaledBench
from autograder.models.errors import ModelError
from autograder.serving.weights import Weights
from autograder.wire.messages import decode_call, encode_reply
from moelab_kit.calls import perform

Measured = list[tuple[torch.Tensor, torch.Tensor]]
"""Per router the logits [T, E] in float32 and the choice [T, E] as bool."""

_KEPT = 64  # measurements of a run: checks ask for the same input once per submission


class MeasuredRouting:
    """Ground truth from the model's own forward, by whoever owns its weights.

    `measure` gets `input_ids` and `attention_mask`, both int64 [B, S].
    """

    def __init__(self, measure: Callable[[torch.Tensor, torch.Tensor], Measured]) -> None:
        self._measure = measure
        self._known: dict[tuple[object, ...], Measured] = {}
        first = self._of(torch.zeros(1, 2, dtype=torch.int64), None)
        self.num_routers = len(first)
        self.num_experts = int(first[0][0].shape[1])
        self.top_k = int(first[0][1].sum(dim=1).max())

    def counts(
        self,
        router_index: int,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor | None = None,
        top_k: int | None = None,
    ) -> torch.Tensor:
        """Real tokens that each expert gets, [E] int64; compare `RoutingPlan.counts`."""
        logits, chosen = self._of(input_ids, attention_mask)[router_index]
        if top_k is not None:
            best = logits.topk(top_k, dim=-1).indices
            chosen = torch.zeros_like(chosen).scatter_(1, best, value=True)
        if attention_mask is not None:
            chosen = chosen[attention_mask.reshape(-1) == 1]
        return chosen.sum(dim=0)

    def logits(self, router_index: int, input_ids: torch.Tensor) -> torch.Tensor:
        """Router logits [T, E] of all tokens of `input_ids`."""
        return self._of(input_ids, None)[router_index][0]

    def _of(self, input_ids: torch.Tensor, attention_mask: torch.Tensor | None) -> Measured:
        ids = input_ids if input_ids.dim() == 2 else input_ids.reshape(1, -1)
        mask = torch.ones_like(ids) if attention_mask is None else attention_mask
        key = (tuple(ids.shape), *ids.reshape(-1).tolist(), *mask.reshape(-1).tolist())
        if key not in self._known:
            if len(self._known) >= _KEPT:
                self._known.pop(next(iter(self._known)))
            self._known[key] = self._measure(ids, mask)
        return self._known[key]


T = TypeVar("T")
ATTEMPTS = 10


class ReferenceReplies:
    """The reference's replies to calls on the full-scale model, and what its routers decide."""

    def __init__(self, weights: Weights, seed: str, course: str) -> None:
        self._weights = weights
        self._course = course
        self._bench = ScaledBench(seed, {weights.choice.name: FullScale(weights.model)})
        self._assignments: dict[str, Assignment] = {}

    def perform(self, assignment: str, exercise: str, message: bytes) -> bytes:
        """The reference's reply to a call, both in the wire format."""
        call = decode_call(message, self._bench)
        function = self._assignment(assignment).exercise(exercise).solution_function
        return self._on_right_weights(
            lambda: encode_reply(perform(function, call), call, self._bench)
        )

    def routers(self, assignment: str) -> dict[str, torch.Tensor]:
        """The names and weights [E, d] of the model's routers, in order.

        Raises `ModelError` where they are not what the lab's text promises of routers: then right
        answers would lose points on this model.
        """
        model = self._weights.model
        found = self._routing(assignment)
        ids = torch.zeros(1, 2, dtype=torch.int64)

        def seen() -> tuple[dict[str, torch.Tensor], str]:
            try:
                measured = found(model, ids, torch.ones_like(ids))
            except torch.OutOfMemoryError:
                raise
            except (IndexError, RuntimeError, AttributeError) as error:
                return {}, f"its routing cannot be measured ({type(error).__name__}: {error})"
            experts = {name: logits.shape[-1] for name, logits, _ in measured}
            with _calls_of(model, experts) as calls:
                found(model, ids, torch.ones_like(ids))
            weights = {}
            for name in experts:
                weight: Any = getattr(model.get_submodule(name), "weight", None)
                broken = _broken_promise(weight, calls.get(name), experts[name])
                if broken:
                    return {}, f"{name} {broken}"
                weights[name] = weight.detach().to("cpu", copy=True)
            return weights, "" if weights else "no router was found in it"

        weights, broken = self._on_right_weights(seen)
        if broken:
            raise ModelError(
                f"--model {self._weights.choice.name}: the lab's text promises routers that own a "
                "`weight` [E, d] and turn hidden states into (logits [T, E], weights [T, k], "
                f"indices [T, k]), but {broken}. Give a model that keeps this promise."
            )
        return weights

    def measure(self, assignment: str, ids: torch.Tensor, mask: torch.Tensor) -> Measured:
        """Logits [T, E] and choice [T, E] of each router for these tokens."""
        routing, model = self._routing(assignment), self._weights.model
        found = self._on_right_weights(lambda: routing(model, ids, mask))
        return [(logits.detach().float().cpu(), chosen.cpu()) for _, logits, chosen in found]

    def _on_right_weights(self, compute: Callable[[], T]) -> T:
        """What `compute` gives while the weights are untouched: submissions run meanwhile."""
        for _ in range(ATTEMPTS):
            before = self._weights.verify()
            result = compute()
            if self._weights.verify() == before:
                return result
        raise RuntimeError("submissions keep changing the weights of the shared model")

    def _routing(self, assignment: str) -> Any:
        routing = self._assignment(assignment).routing
        if routing is None:
            raise ModelError(
                f"The assignment {assignment!r} does not say how to measure a model's routing, so "
                "it cannot be graded with real weights. Use planted ones."
            )
        return routing

    def _assignment(self, name: str) -> Assignment:
        if name not in self._assignments:
            self._assignments[name] = load_assignment(name, self._course)
        return self._assignments[name]


@contextmanager
def _calls_of(model: nn.Module, names: Iterable[str]) -> Iterator[dict[str, tuple[Any, ...]]]:
    """The last call of each of these modules: its inputs, and what it returned."""
    calls: dict[str, tuple[Any, ...]] = {}

    def watch(name: str) -> Any:
        def hook(module: nn.Module, args: Any, kwargs: Any, output: Any) -> None:
            given = [one for one in (*args, *kwargs.values()) if isinstance(one, torch.Tensor)]
            calls[name] = (given, output)

        return model.get_submodule(name).register_forward_hook(hook, with_kwargs=True)

    hooks = [watch(name) for name in names]
    try:
        yield calls
    finally:
        for hook in hooks:
            hook.remove()


def _broken_promise(weight: object, call: tuple[Any, ...] | None, experts: int) -> str:
    """What a router does otherwise than the lab's text promises, in a clause; "" for nothing."""
    if not isinstance(weight, torch.Tensor) or weight.dim() != 2:
        return "owns no `weight` with a row for each expert"
    if weight.shape[0] != experts:
        return f"has {weight.shape[0]} rows of `weight` for {experts} logits"
    given, output = call or ((), None)
    if len(given) > 1:
        return "needs more than hidden states to choose, such as token ids"
    tensors = output if isinstance(output, tuple) else ()
    shapes = [tuple(one.shape) for one in tensors if isinstance(one, torch.Tensor)]
    if len(tensors) != 3 or len(shapes) != 3 or tensors[2].is_floating_point():
        return "does not return these three"
    if shapes[0][-1] != experts or shapes[1] != shapes[2]:
        return f"returns tensors of the shapes {', '.join(map(str, shapes))}"
    return ""
