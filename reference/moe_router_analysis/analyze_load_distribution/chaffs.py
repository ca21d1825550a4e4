"""Known-wrong solutions of `analyze_load_distribution` that count the wrong things."""

from __future__ import annotations

from typing import Any

import torch

from reference.moe_router_analysis.analyze_load_distribution._usual import (
    forward_of,
    in_one_batch,
    one_by_one,
    usual,
)
from reference.moe_router_analysis.analyze_load_distribution.checks import (
    counts_real_tokens_only,
    counts_the_largest_logits,
    counts_the_models_own_decisions,
    refuses_wrong_arguments,
)
from reference.moe_router_analysis.analyze_load_distribution.solution import (
    analyze_load_distribution,
    exercise,
)
from reference.moe_router_analysis.find_router_layers import find_router_layers


@exercise.chaff(caught_by=counts_real_tokens_only)
def counts_padding(
    model: Any, tokenizer: Any, texts: Any, top_k: Any = None, layer_idx: int = 0
) -> dict[str, Any]:
    """Pads the texts to one length and counts the padding too. Only positions with attention mask
    1 hold real tokens."""
    arguments = (model, tokenizer, texts, top_k, layer_idx)
    return usual(arguments, forward_of, lambda chosen, logits, mask: chosen, in_one_batch)


@exercise.chaff(caught_by=counts_real_tokens_only)
def takes_padding_to_be_on_the_right(
    model: Any, tokenizer: Any, texts: Any, top_k: Any = None, layer_idx: int = 0
) -> dict[str, Any]:
    """Takes the first tokens of each row of a batch. Some tokenizers pad on the left: use the
    attention mask itself."""

    def first(chosen: torch.Tensor, logits: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        rows = chosen.reshape(*mask.shape, -1)
        return torch.cat([row[: int(real.sum())] for row, real in zip(rows, mask, strict=True)])

    return usual((model, tokenizer, texts, top_k, layer_idx), forward_of, first, in_one_batch)


@exercise.chaff(caught_by=counts_real_tokens_only)
def drops_special_tokens(
    model: Any, tokenizer: Any, texts: Any, top_k: Any = None, layer_idx: int = 0
) -> dict[str, Any]:
    """Tokenizes without special tokens. They are routed like all others, so they count."""

    def bare(tokenizer: Any, texts: Any) -> list[Any]:
        batches = [tokenizer(t, return_tensors="pt", add_special_tokens=False) for t in texts]
        return [batch for batch in batches if batch["input_ids"].numel()]

    return usual((model, tokenizer, texts, top_k, layer_idx), forward_of, encode=bare)


@exercise.chaff(caught_by=counts_real_tokens_only)
def strips_the_texts(
    model: Any, tokenizer: Any, texts: Any, top_k: Any = None, layer_idx: int = 0
) -> dict[str, Any]:
    """Strips the texts first. Spaces and line ends are tokens too: the model is to see each text
    as it is."""
    texts = [text.strip() for text in texts]
    return analyze_load_distribution(model, tokenizer, texts, top_k, layer_idx)


@exercise.chaff(caught_by=counts_real_tokens_only)
def keeps_the_last_text(
    model: Any, tokenizer: Any, texts: Any, top_k: Any = None, layer_idx: int = 0
) -> dict[str, Any]:
    """Keeps what the hook saw last: the counts of the last text alone. Add up over the texts."""
    arguments = (model, tokenizer, texts, top_k, layer_idx)
    return usual(arguments, forward_of, encode=lambda t, texts: one_by_one(t, texts)[-1:])


@exercise.chaff(caught_by=(counts_real_tokens_only, refuses_wrong_arguments))
def stumbles_over_empty_texts(
    model: Any, tokenizer: Any, texts: Any, top_k: Any = None, layer_idx: int = 0
) -> dict[str, Any]:
    """Runs the model on an empty text. Its token ids are a float tensor without elements, which an
    embedding refuses: a text without tokens adds nothing."""
    arguments = (model, tokenizer, texts, top_k, layer_idx)
    return usual(arguments, forward_of, encode=lambda t, s: [t(x, return_tensors="pt") for x in s])


@exercise.chaff(caught_by=counts_the_models_own_decisions)
def chooses_again(
    model: Any, tokenizer: Any, texts: Any, top_k: Any = None, layer_idx: int = 0
) -> dict[str, Any]:
    """Counts the largest logits instead of the model's decisions. Routers with groups or a
    correction bias choose otherwise: take the indices that the router returns."""

    def largest(chosen: torch.Tensor, logits: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return logits.topk(chosen.shape[1]).indices

    return usual((model, tokenizer, texts, top_k, layer_idx), forward_of, largest)


@exercise.chaff(caught_by=counts_the_models_own_decisions)
def looks_at_the_first_router(
    model: Any, tokenizer: Any, texts: Any, top_k: Any = None, layer_idx: int = 0
) -> dict[str, Any]:
    """Looks at the first router, whatever `layer_idx` says: it is the number of the router."""
    if find_router_layers(model) and layer_idx not in range(len(find_router_layers(model))):
        raise IndexError
    return usual((model, tokenizer, texts, top_k, 0), forward_of)


@exercise.chaff(caught_by=(counts_the_largest_logits, refuses_wrong_arguments))
def ignores_top_k(
    model: Any, tokenizer: Any, texts: Any, top_k: Any = None, layer_idx: int = 0
) -> dict[str, Any]:
    """Counts the model's own choice even where `top_k` is given: then the largest logits count."""
    routers = find_router_layers(model)
    experts = routers[0][1].get_parameter("weight").shape[0] if routers else 0
    if top_k is not None and experts and not 1 <= top_k <= experts:
        raise ValueError
    return usual((model, tokenizer, texts, None, layer_idx), forward_of)
