"""The routing of a model with real weights, which no closed form tells: its owner measures it."""

from __future__ import annotations

from collections.abc import Callable

import torch

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
