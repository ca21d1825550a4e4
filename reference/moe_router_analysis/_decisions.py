"""What a model's routers decide in a forward: the experts of each token, and the logits.

Most routers return `(logits, weights, indices)`. The others tell their choice in other ways:

- llama4 and nllb_moe return a weight for every expert; an expert is chosen where it is not zero.
- switch_transformers returns a dispatch mask. There and in nllb_moe a token whose expert is full
  gets none, so that counts may add up to less than T · k.
- dbrx and doge choose outside the router: the choice is what the experts are called with.
- jetmoe returns slots sorted by expert; its choice is the top-k of its logits.
- zaya reports a slot that skips all experts as expert 0 of weight 0; here it goes to the last
  column of the logits, and longcat_flash's experts that do nothing count like all others.
- deepseek_v4's hash layers look experts up by token id; a table may name one expert twice.
- A router that no token of the input reaches (ernie4_5_vl_moe's for images) has no decision.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from reference.moe_router_analysis._routing import Router, find_routers


@dataclass(frozen=True, slots=True)
class Decision:
    """What one call of a router decided: its N filled slots, each a (token, expert) pair.

    `tokens` and `experts` are int64 [N], `num_tokens` counts the tokens that the router saw,
    `top_k` is the number of slots of a token, `logits` [T, E] may carry a gradient.
    """

    tokens: torch.Tensor
    experts: torch.Tensor
    num_tokens: int
    num_experts: int
    top_k: int
    logits: torch.Tensor

    def counts(self, real: torch.Tensor) -> torch.Tensor:
        """Slots of each expert, [E] int64, filled by the tokens that `real` [T] (bool) marks."""
        if len(real) != self.num_tokens:
            raise RuntimeError(
                f"the router saw {self.num_tokens} tokens, the batch has {len(real)}"
            )
        chosen = self.experts[real.to(self.tokens.device)[self.tokens]]
        return torch.bincount(chosen, minlength=self.num_experts).cpu()


@dataclass(slots=True)
class Seen:
    """What hooks saw of one call: the router's output, and indices that its experts were given."""

    router: Router
    output: Any
    handed_on: list[torch.Tensor] = field(default_factory=list)

    def decision(self) -> Decision:
        """Read the choice off what was seen."""
        parts = self.output if isinstance(self.output, tuple | list) else (self.output,)
        tensors = [part for part in parts if isinstance(part, torch.Tensor)]
        logits = _logits(tensors)
        chosen = _chosen(self, tensors, logits.shape[1])
        if chosen.dtype == torch.bool:
            tokens, experts = chosen.nonzero(as_tuple=True)
            top_k = int(chosen.sum(dim=1).max()) if len(chosen) else 0
        else:
            top_k = chosen.shape[1]
            tokens = torch.arange(len(chosen), device=chosen.device).repeat_interleave(top_k)
            experts = chosen.reshape(-1)
        num_experts = self.router.num_experts
        if num_experts == self.router.weight.shape[0]:
            num_experts = logits.shape[1]  # some score shared experts too, and drop their logits
        return Decision(tokens, experts, len(chosen), num_experts, top_k, logits)


@contextmanager
def watching(routers: Iterable[Router]) -> Iterator[dict[nn.Module, list[Seen]]]:
    """Collect, for each router's module, what is seen of its calls; all hooks go at the end."""
    seen: dict[nn.Module, list[Seen]] = {router.module: [] for router in routers}
    handles = []
    try:
        for router in routers:
            calls = seen[router.module]
            handles.append(router.module.register_forward_hook(_output_hook(router, calls)))
            for experts in router.experts:
                hook = _input_hook(calls)
                handles.append(experts.register_forward_pre_hook(hook, with_kwargs=True))
        yield seen
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Put a model into evaluation mode, and those of its modules back that were in training."""
    training = [module for module in model.modules() if module.training]
    if training:
        model.eval()
    try:
        yield
    finally:
        for module in training:
            module.training = True


def run(model: nn.Module, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> Any:
    """One forward on the model's device; an encoder-decoder gets the same ids on both sides."""
    device = next(model.parameters()).device
    inputs = {"input_ids": input_ids.to(device), "attention_mask": attention_mask.to(device)}
    if getattr(getattr(model, "config", None), "is_encoder_decoder", False):
        inputs |= {f"decoder_{name}": value for name, value in inputs.items()}
    return model(**inputs, use_cache=False)


def measured_routing(
    model: nn.Module, input_ids: torch.Tensor, attention_mask: torch.Tensor
) -> list[tuple[str, torch.Tensor, torch.Tensor]]:
    """Name, logits [T, E] and choice [T, E] (bool) of every router in one forward."""
    routers = find_routers(model)
    with watching(routers) as seen, evaluating(model), torch.no_grad():
        run(model, input_ids, attention_mask)
    found = []
    for router in routers:
        for decision in (call.decision() for call in seen[router.module]):
            chosen = torch.zeros_like(decision.logits, dtype=torch.bool)
            chosen[decision.tokens, decision.experts] = True
            found.append((router.name, decision.logits, chosen))
    return found


def _output_hook(router: Router, calls: list[Seen]) -> Any:
    def hook(module: nn.Module, args: Any, output: Any) -> None:
        calls.append(Seen(router, output))

    return hook


def _input_hook(calls: list[Seen]) -> Any:
    def hook(module: nn.Module, args: Any, kwargs: Any) -> None:
        if calls:
            calls[-1].handed_on += filter(_is_index, (*args, *kwargs.values()))

    return hook


def _logits(tensors: list[torch.Tensor]) -> torch.Tensor:
    """The logits [T, E]: first of `(logits, weights, indices)`, otherwise the last floats."""
    floats = [tensor for tensor in tensors if tensor.is_floating_point()]
    return _flat(floats[0] if _is_standard(tensors) else floats[-1])


def _chosen(seen: Seen, tensors: list[torch.Tensor], width: int) -> torch.Tensor:
    """The choice as indices [T, k] int64, or as a mask [T, E] where tokens differ in number."""
    if _is_standard(tensors):
        return _with_skips(tensors, width, seen.router)
    matrices = [_flat(tensor) for tensor in tensors if tensor.dim() > 1]
    floats = [matrix for matrix in matrices if matrix.is_floating_point()]
    if len(floats) > 1 and floats[0].shape[1] == width:
        return floats[0] != 0  # weights of every expert: llama4, nllb_moe
    masks = [matrix for matrix in matrices if _is_index(matrix)]
    if masks and masks[0].shape[1] == width:
        return masks[0] != 0  # a dispatch mask within capacity: switch_transformers
    if seen.handed_on:
        return _flat(seen.handed_on[0]).long()  # dbrx, doge
    return floats[-1].topk(_top_k(seen.router), dim=-1).indices  # jetmoe


def _with_skips(tensors: list[torch.Tensor], width: int, router: Router) -> torch.Tensor:
    """Indices [T, k]; a slot that skips all experts goes to the last column of the logits.

    zaya scores "no expert" in one more column, and reports such a slot as expert 0 of weight 0.
    """
    indices = _flat(next(filter(_is_index, tensors))).long()
    if getattr(router.module, "num_experts", width) != width - 1:
        return indices
    return indices.masked_fill(_flat(tensors[1]) == 0, width - 1)


def _is_standard(tensors: list[torch.Tensor]) -> bool:
    """Whether a router's output is `(logits, weights, indices, ...)`."""
    return tensors[0].is_floating_point() and any(map(_is_index, tensors))


def _flat(tensor: torch.Tensor) -> torch.Tensor:
    """One row per token."""
    return tensor.reshape(-1, tensor.shape[-1])


def _top_k(router: Router) -> int:
    for module in (router.module, router.block):
        top_k = getattr(module, "top_k", None)
        if isinstance(top_k, int):
            return top_k
    raise RuntimeError(f"{router.name} tells neither its choice nor how many experts it takes")


def _is_index(value: Any) -> bool:
    return (
        isinstance(value, torch.Tensor)
        and value.dim() > 1
        and value.dtype in (torch.int64, torch.int32)
    )
