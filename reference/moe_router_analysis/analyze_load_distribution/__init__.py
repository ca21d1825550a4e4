r"""# Where do the tokens go?

A router that sends most tokens to the same few experts wastes the others: they compute nothing and
learn nothing, while the busy ones become the bottleneck. So the first thing to measure is the
**load**: how many tokens each expert gets.

Write `analyze_load_distribution(model, tokenizer, texts, top_k=None, layer_idx=0)`. It runs the
model on a list of texts and counts how many tokens the `layer_idx`-th router (counted as
`find_router_layers` finds them, from 0) sends to each expert, over all the texts.

**Which choice counts.**

- [own-decisions] With `top_k=None`, the model's own decisions count, as its forward makes them.
- [explicit-top-k] With an explicit `top_k`, count for each token the `top_k` experts with the
  largest of the model's own router logits instead (checked on `mixtral`, `olmoe`, `qwen2_moe` and
  `qwen3_moe`).

Get the model's decisions from the forward itself: a forward hook on the router sees its output
`(logits [T, E], weights [T, k], indices [T, k])` for T = batch × sequence tokens. Do not choose
again from the logits: `deepseek_v3`, for one, adds a correction bias and limits the groups of
experts before it chooses.

**Which tokens count.** Each text goes through `tokenizer(text, return_tensors="pt")`, or the texts
go through the tokenizer in padded batches (it has a pad token and returns a `BatchEncoding`). Move
the inputs to the model's device.

- [every-token] Every real token of every text counts, however long the text is; real tokens are
  those with attention mask 1, special tokens included.
- [no-padding] Padding never counts, on whichever side it stands, and the route of a token does not
  depend on it.
- [empty-text] A text without tokens adds nothing (mind that transformers returns a *float* tensor
  of shape [1, 0] for it).

**Result**, a dict:

- [counts] `expert_counts`: a dict from *every* expert 0 … E−1 to its number of routed tokens, an
  int.
- [sizes] `total_tokens`: the number of real tokens; `num_experts`: E; `top_k`: the k that was used.
- [expected] `expected_per_expert`: total_tokens · k / E.
- [mean-and-std] `actual_mean` and `actual_std`: mean and *population* standard deviation (divide by
  n) of the counts.
- [extremes] `max_load` and `min_load`: the largest and the smallest count.
- [score] `load_balance_score`: 1 − actual_std / (actual_mean + 1e-8), which is 1 for perfect
  balance and may be negative.

**Special cases.**

- [no-routers] `{}` for a model without routers, whatever the other arguments.
- [no-such-layer] `IndexError` for a `layer_idx` that is not 0 … L−1 (L routers; a negative one is
  wrong too).
- [no-token] `ValueError` when the texts hold no token at all, also for `[]`.
- [wrong-top-k] `ValueError` when `top_k` is not 1 … E.

**Leave the model as you found it.**

- [modes] Run the model in evaluation mode, and put every submodule back into the mode that it was
  in.
- [hooks] Remove your hooks, also when the forward raises; that exception must reach the caller
  (`try … finally`).
- [no-gradients] Leave no gradients in the model.

<details><summary>Hint 1 of 3</summary>

Solve it for one text and one forward first: a hook that keeps the router's third output, and
`torch.bincount` with `minlength=E`. Everything else is care.
</details>

<details><summary>Hint 2 of 3</summary>

The rows of the router's output stand in the order of `attention_mask.flatten()`. Keep those whose
mask is 1 before you count. An explicit `top_k` takes the first output, the logits, instead.
</details>

<details><summary>Hint 3 of 3</summary>

Remember the mode of *every* submodule (`{m: m.training for m in model.modules()}`) before
`model.eval()`. Run the forwards inside `try`, under `torch.no_grad()`; in `finally` remove the hook
and put each mode back by `m.training = …`, for `m.train()` changes the children, too.
</details>
"""

from __future__ import annotations

import statistics
from typing import Any

import torch
from torch import nn

from autograder import Effort, Exercise
from reference.moe_router_analysis._decisions import Decision, Seen, evaluating, run, watching
from reference.moe_router_analysis._routing import Router, find_routers

exercise = Exercise(
    "analyze_load_distribution", effort=Effort(difficulty=5, importance=5, minutes=60)
)


@exercise.solution
def analyze_load_distribution(
    model: nn.Module,
    tokenizer: Any,
    texts: list[str],
    top_k: int | None = None,
    layer_idx: int = 0,
) -> dict[str, Any]:
    """Count how many tokens one router sends to each expert over some texts.

    Args:
        model: a language model of transformers, causal or base.
        tokenizer: its tokenizer.
        texts: what to run the model on.
        top_k: `None` for the model's own decisions; a number to count, for each token, that many
            experts with the largest router logits.
        layer_idx: which router, counted among the model's routers from 0.

    Returns:
        `expert_counts` (of every expert), `total_tokens`, `num_experts`, `top_k`,
        `expected_per_expert`, `actual_mean`, `actual_std`, `max_load`, `min_load` and
        `load_balance_score`; `{}` for a model without routers.

    Raises:
        IndexError: `layer_idx` is not 0..L-1.
        ValueError: the texts hold no token, or `top_k` is not 1..E.
    """
    routers = find_routers(model)
    if not routers:
        return {}
    if not 0 <= layer_idx < len(routers):
        raise IndexError(f"layer_idx is {layer_idx}, but the model has {len(routers)} routers")
    router = routers[layer_idx]
    if top_k is not None and not 1 <= top_k <= router.num_experts:
        raise ValueError(f"top_k is {top_k}, but the router has {router.num_experts} experts")
    total, counts, used = _count(model, tokenizer, texts, top_k, router)
    return load_statistics(counts.tolist(), total, used if top_k is None else top_k)


def load_statistics(counts: list[int], total_tokens: int, top_k: int) -> dict[str, Any]:
    """The result for the counts of all experts."""
    mean, std = statistics.fmean(counts), statistics.pstdev(counts)
    return {
        "expert_counts": dict(enumerate(counts)),
        "total_tokens": total_tokens,
        "num_experts": len(counts),
        "top_k": top_k,
        "expected_per_expert": total_tokens * top_k / len(counts),
        "actual_mean": mean,
        "actual_std": std,
        "max_load": max(counts),
        "min_load": min(counts),
        "load_balance_score": 1 - std / (mean + 1e-8),
    }


def _count(
    model: nn.Module, tokenizer: Any, texts: list[str], top_k: int | None, router: Router
) -> tuple[int, torch.Tensor, int]:
    """Real tokens in all texts, the slots of each expert [E], and the model's own k."""
    total, used = 0, _declared_top_k(router)
    counts = torch.zeros(router.num_experts, dtype=torch.int64)
    with watching([router]) as seen, evaluating(model), torch.no_grad():
        calls: list[Seen] = seen[router.module]
        for text in texts:
            encoded = tokenizer(text, return_tensors="pt")
            mask = encoded.get("attention_mask", torch.ones_like(encoded["input_ids"]))
            real = mask.reshape(-1) == 1
            if not real.any():
                continue
            total += int(real.sum())
            calls.clear()
            run(model, encoded["input_ids"], mask)
            for decision in (call.decision() for call in calls):
                used = decision.top_k
                now = decision.counts(real) if top_k is None else _largest(decision, real, top_k)
                counts = counts[: len(now)] + now
    if total == 0:
        raise ValueError("the texts hold no token")
    return total, counts, used


def _largest(decision: Decision, real: torch.Tensor, top_k: int) -> torch.Tensor:
    """How often each expert is among the `top_k` largest logits of a real token, [E] int64."""
    logits = decision.logits[real.to(decision.logits.device)]
    if logits.shape[1] != decision.num_experts or top_k > decision.num_experts:
        raise ValueError(f"top_k is {top_k}, but the router gives {logits.shape[1]} logits")
    chosen = logits.topk(top_k, dim=-1).indices.reshape(-1)
    return torch.bincount(chosen, minlength=decision.num_experts).cpu()


def _declared_top_k(router: Router) -> int:
    """The k that a router says it has: for one that no token of a text reaches."""
    declared = getattr(router.module, "top_k", 0)
    return declared if isinstance(declared, int) else 0
