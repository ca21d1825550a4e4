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
    counts_long_texts,
    counts_real_tokens_only,
    counts_the_largest_logits,
    counts_the_models_own_decisions,
    lets_the_mask_say_what_is_real,
    refuses_wrong_arguments,
    routes_padded_texts_as_alone,
    tells_close_logits_apart,
)
from reference.moe_router_analysis.analyze_load_distribution.solution import (
    analyze_load_distribution,
    exercise,
)
from reference.moe_router_analysis.find_router_layers import find_router_layers

REAL = (
    counts_real_tokens_only,
    lets_the_mask_say_what_is_real,
    routes_padded_texts_as_alone,
)


@exercise.chaff(caught_by=REAL)
def counts_padding(
    model: Any, tokenizer: Any, texts: Any, top_k: Any = None, layer_idx: int = 0
) -> dict[str, Any]:
    """Pads the texts to one length and counts the padding too. Only positions with attention mask
    1 hold real tokens."""
    arguments = (model, tokenizer, texts, top_k, layer_idx)
    return usual(arguments, forward_of, lambda chosen, logits, mask: chosen, in_one_batch)


@exercise.chaff(caught_by=REAL)
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


@exercise.chaff(caught_by=REAL)
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


@exercise.chaff(
    caught_by=(
        counts_the_models_own_decisions,
        lets_the_mask_say_what_is_real,
        routes_padded_texts_as_alone,
    )
)
def looks_at_the_first_router(
    model: Any, tokenizer: Any, texts: Any, top_k: Any = None, layer_idx: int = 0
) -> dict[str, Any]:
    """Looks at the first router, whatever `layer_idx` says: it is the number of the router."""
    if find_router_layers(model) and layer_idx not in range(len(find_router_layers(model))):
        raise IndexError
    return usual((model, tokenizer, texts, top_k, 0), forward_of)


@exercise.chaff(
    caught_by=(counts_the_largest_logits, tells_close_logits_apart, refuses_wrong_arguments)
)
def ignores_top_k(
    model: Any, tokenizer: Any, texts: Any, top_k: Any = None, layer_idx: int = 0
) -> dict[str, Any]:
    """Counts the model's own choice even where `top_k` is given: then the largest logits count."""
    routers = find_router_layers(model)
    experts = routers[0][1].get_parameter("weight").shape[0] if routers else 0
    if top_k is not None and experts and not 1 <= top_k <= experts:
        raise ValueError
    return usual((model, tokenizer, texts, None, layer_idx), forward_of)


@exercise.chaff(caught_by=counts_long_texts)
def cuts_long_texts(
    model: Any, tokenizer: Any, texts: Any, top_k: Any = None, layer_idx: int = 0
) -> dict[str, Any]:
    """Cuts texts off at 512 tokens. Every token of a text counts, however long it is."""

    def cut(tokenizer: Any, texts: Any) -> list[Any]:
        full = [text for text in texts if tokenizer(text)["input_ids"]]
        settings = {"truncation": True, "max_length": 512, "return_tensors": "pt"}
        return [tokenizer(text, **settings) for text in full]

    return usual((model, tokenizer, texts, top_k, layer_idx), forward_of, encode=cut)


@exercise.chaff(caught_by=lets_the_mask_say_what_is_real)
def knows_padding_by_its_id(
    model: Any, tokenizer: Any, texts: Any, top_k: Any = None, layer_idx: int = 0
) -> dict[str, Any]:
    """Takes every pad token for padding. Some tokenizers pad with their end-of-text token, and a
    text may hold it: the attention mask alone says what is real."""

    def masked(tokenizer: Any, texts: Any) -> list[Any]:
        batches = in_one_batch(tokenizer, texts)
        for batch in batches:
            batch["attention_mask"] = (batch["input_ids"] != tokenizer.pad_token_id).long()
        return batches

    return usual((model, tokenizer, texts, top_k, layer_idx), forward_of, encode=masked)


@exercise.chaff(caught_by=routes_padded_texts_as_alone)
def keeps_the_mask_to_itself(
    model: Any, tokenizer: Any, texts: Any, top_k: Any = None, layer_idx: int = 0
) -> dict[str, Any]:
    """Uses the mask to count, and does not give it to the model. Then real tokens attend to the
    padding before them, and are routed otherwise than alone."""

    def forward(model: Any, router: Any, batch: Any) -> Any:
        return forward_of(model, router, {"input_ids": batch["input_ids"]})

    return usual((model, tokenizer, texts, top_k, layer_idx), forward, encode=in_one_batch)


@exercise.chaff(caught_by=tells_close_logits_apart)
def compares_in_half_precision(
    model: Any, tokenizer: Any, texts: Any, top_k: Any = None, layer_idx: int = 0
) -> dict[str, Any]:
    """Compares probabilities in bfloat16. Many are equal there that differ in float32, and the
    choice among them is luck."""

    def forward(model: Any, router: Any, batch: Any) -> Any:
        logits, weights, indices = forward_of(model, router, batch)
        return logits.softmax(-1).bfloat16(), weights, indices

    return usual((model, tokenizer, texts, top_k, layer_idx), forward)


@exercise.chaff(caught_by=(routes_padded_texts_as_alone,))
def expects_padding_too(
    model: Any, tokenizer: Any, texts: Any, top_k: Any = None, layer_idx: int = 0
) -> dict[str, Any]:
    """Derives the expected load from the padded size of the batch. It is total_tokens · k / E."""
    load = usual((model, tokenizer, texts, top_k, layer_idx), forward_of)
    if load:
        (batch,) = in_one_batch(tokenizer, texts)
        expected = batch["input_ids"].numel() * load["top_k"] / load["num_experts"]
        load["expected_per_expert"] = expected
    return load
