"""Further correct solutions of `analyze_load_distribution`, and known-wrong ones."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import numpy as np
import torch

from reference.moe_router_analysis.analyze_load_distribution import (
    analyze_load_distribution,
    exercise,
)
from reference.moe_router_analysis.analyze_load_distribution._usual import (
    forward_of,
    in_one_batch,
    in_present_mode,
    one_by_one,
    summary_of,
    usual,
)
from reference.moe_router_analysis.analyze_load_distribution.checks import (
    counts_long_texts,
    counts_one_text,
    counts_real_tokens_only,
    counts_the_largest_logits,
    counts_the_models_own_decisions,
    derives_the_statistics,
    derives_the_statistics_of_any_load,
    leaves_everything_as_it_was,
    lets_the_mask_say_what_is_real,
    refuses_wrong_arguments,
    routes_padded_texts_as_alone,
    tells_close_logits_apart,
)
from reference.moe_router_analysis.find_router_layers import find_router_layers

Rows = list[list[int]]  # the experts of each real token


@exercise.wheat
def pads_one_batch(
    model: Any, tokenizer: Any, texts: Any, top_k: Any = None, layer_idx: int = 0
) -> dict[str, Any]:
    """Sends all texts through the model as one padded batch, and counts with NumPy."""
    routers = find_router_layers(model)
    if not routers:
        return {}
    if layer_idx not in range(len(routers)):
        raise IndexError("no such router")
    router: Any = routers[layer_idx][1]
    experts = router.weight.shape[0]
    if top_k is not None and top_k not in range(1, experts + 1):
        raise ValueError("no such k")
    texts = [text for text in texts if tokenizer(text)["input_ids"]]
    if not texts:
        raise ValueError("no tokens")
    batch = tokenizer(texts, padding=True, return_tensors="pt").to(router.weight.device)
    caught: list[Any] = []
    handle = router.register_forward_hook(lambda module, args, output: caught.append(output))
    was_training = [module for module in model.modules() if module.training]
    try:
        model.eval()
        with torch.inference_mode():
            model(**batch)
    finally:
        handle.remove()
        for module in was_training:
            module.training = True
    logits, _, chosen = caught[0]
    if top_k is not None:
        chosen = logits.float().argsort(dim=-1, descending=True)[:, :top_k]
    chosen = chosen.reshape(*batch["attention_mask"].shape, -1).cpu().numpy()
    chosen = chosen[batch["attention_mask"].cpu().numpy() == 1]
    counts = np.bincount(chosen.ravel(), minlength=experts)
    return {
        "expert_counts": {expert: int(count) for expert, count in enumerate(counts)},
        "total_tokens": len(chosen),
        "num_experts": experts,
        "top_k": chosen.shape[1],
        "expected_per_expert": chosen.size / experts,
        "actual_mean": counts.mean(),
        "actual_std": counts.std(),
        "max_load": counts.max(),
        "min_load": counts.min(),
        "load_balance_score": 1 - counts.std() / (counts.mean() + 1e-8),
    }


@exercise.wheat
def watches_the_experts(
    model: Any, tokenizer: Any, texts: Any, top_k: Any = None, layer_idx: int = 0
) -> dict[str, Any]:
    """Sees the choice where the experts are called, text by text; logits come with the output."""
    routers = find_router_layers(model)
    if not routers:
        return {}
    if not -1 < layer_idx < len(routers):
        raise IndexError(layer_idx)
    name, router = routers[layer_idx]
    experts = model.get_submodule(name.rpartition(".")[0]).experts
    size = experts.num_experts
    if top_k is not None and (top_k < 1 or top_k > size):
        raise ValueError(top_k)
    tally: Counter[int] = Counter()
    rows: Rows = []

    def before_experts(module: Any, args: Any, kwargs: Any) -> None:
        indices = next(a for a in (*args, *kwargs.values()) if a.dtype == torch.int64)
        rows.extend(indices.tolist())

    def after_router(module: Any, args: Any, output: Any) -> None:
        rows.extend(output[0].topk(top_k).indices.tolist())

    if top_k is None:
        handle = experts.register_forward_pre_hook(before_experts, with_kwargs=True)
    else:
        handle = router.register_forward_hook(after_router)
    modes = {module: module.training for module in model.modules()}
    try:
        with torch.no_grad():
            for text in texts:
                encoded = tokenizer(text, return_tensors="pt")
                if encoded["input_ids"].numel():
                    model.eval()(encoded["input_ids"].to(next(model.parameters()).device))
    finally:
        handle.remove()
        for module, mode in modes.items():
            module.train(mode)
    if not rows:
        raise ValueError("nothing to count")
    for row in rows:
        tally.update(row)
    return summary_of([tally[expert] for expert in range(size)], len(rows), len(rows[0]))


@exercise.chaff(caught_by=counts_real_tokens_only)
def counts_padding(
    model: Any, tokenizer: Any, texts: Any, top_k: Any = None, layer_idx: int = 0
) -> dict[str, Any]:
    """Pads the texts to one length and counts the padding too. Only positions with attention mask
    1 hold real tokens."""
    arguments = (model, tokenizer, texts, top_k, layer_idx)
    return usual(arguments, forward_of, lambda chosen, logits, mask: chosen, in_one_batch)


@exercise.chaff(caught_by=routes_padded_texts_as_alone)
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


@exercise.chaff(caught_by=counts_real_tokens_only)
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


@exercise.chaff(caught_by=counts_the_largest_logits)
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


@exercise.chaff(caught_by=counts_one_text)
def forgets_idle_experts(
    model: Any, tokenizer: Any, texts: Any, top_k: Any = None, layer_idx: int = 0
) -> dict[str, Any]:
    """Tells only of experts that got a token. The idle ones matter most: their count is 0."""
    load = usual((model, tokenizer, texts, top_k, layer_idx), forward_of)
    busy = {expert: n for expert, n in load.get("expert_counts", {}).items() if n}
    return {**load, "expert_counts": busy} if load else {}


@exercise.chaff(caught_by=derives_the_statistics)
def divides_by_n_minus_one(
    model: Any, tokenizer: Any, texts: Any, top_k: Any = None, layer_idx: int = 0
) -> dict[str, Any]:
    """Gives the sample standard deviation (n − 1). These are all experts, not a sample: divide by
    n."""
    load = usual((model, tokenizer, texts, top_k, layer_idx), forward_of)
    if load:
        experts = load["num_experts"]
        load["actual_std"] *= math.sqrt(experts / (experts - 1))
        load["load_balance_score"] = 1 - load["actual_std"] / (load["actual_mean"] + 1e-8)
    return load


@exercise.chaff(caught_by=derives_the_statistics_of_any_load)
def clips_the_score(
    model: Any, tokenizer: Any, texts: Any, top_k: Any = None, layer_idx: int = 0
) -> dict[str, Any]:
    """Clips the score at 0. A load whose standard deviation exceeds its mean has a negative
    score."""
    load = usual((model, tokenizer, texts, top_k, layer_idx), forward_of)
    return {**load, "load_balance_score": max(0, load["load_balance_score"])} if load else {}


@exercise.chaff(caught_by=refuses_wrong_arguments)
def checks_arguments_first(
    model: Any, tokenizer: Any, texts: Any, top_k: Any = None, layer_idx: int = 0
) -> dict[str, Any]:
    """Refuses arguments before it looks at the model. A model without routers gives {}, whatever
    the other arguments."""
    if not texts or (top_k is not None and top_k < 1):
        raise ValueError
    return usual((model, tokenizer, texts, top_k, layer_idx), forward_of)


@exercise.chaff(caught_by=refuses_wrong_arguments)
def counts_routers_from_the_end(
    model: Any, tokenizer: Any, texts: Any, top_k: Any = None, layer_idx: int = 0
) -> dict[str, Any]:
    """Takes a negative `layer_idx` from the end, as Python does. It is no router: `IndexError`."""
    routers = len(find_router_layers(model))
    index = layer_idx + routers if -routers <= layer_idx < 0 else layer_idx
    return usual((model, tokenizer, texts, top_k, index), forward_of)


@exercise.chaff(caught_by=leaves_everything_as_it_was)
def runs_in_training_mode(
    model: Any, tokenizer: Any, texts: Any, top_k: Any = None, layer_idx: int = 0
) -> dict[str, Any]:
    """Runs the model in the mode in which it finds it. In training mode dropout and the router's
    jitter noise change what is measured."""
    return usual((model, tokenizer, texts, top_k, layer_idx), in_present_mode)


@exercise.chaff(caught_by=leaves_everything_as_it_was)
def leaves_evaluation_mode(
    model: Any, tokenizer: Any, texts: Any, top_k: Any = None, layer_idx: int = 0
) -> dict[str, Any]:
    """Calls `model.eval()` and leaves it at that. Put each submodule back into its own mode."""
    return analyze_load_distribution(model.eval(), tokenizer, texts, top_k, layer_idx)


@exercise.chaff(caught_by=leaves_everything_as_it_was)
def restores_one_mode_for_all(
    model: Any, tokenizer: Any, texts: Any, top_k: Any = None, layer_idx: int = 0
) -> dict[str, Any]:
    """Restores the mode with `model.train(mode)`, for all submodules at once. Some may have been
    in another mode, such as frozen norms."""
    mode = model.training
    try:
        return analyze_load_distribution(model.eval(), tokenizer, texts, top_k, layer_idx)
    finally:
        model.train(mode)


@exercise.chaff(caught_by=leaves_everything_as_it_was)
def forgets_its_hook_after_an_error(
    model: Any, tokenizer: Any, texts: Any, top_k: Any = None, layer_idx: int = 0
) -> dict[str, Any]:
    """Removes its hook only where all went well. When the forward raises, the hook stays: remove
    it in a `finally`."""

    def forward(model: Any, router: Any, batch: Any) -> Any:
        handle = router.register_forward_hook(lambda module, args, output: None)
        output = forward_of(model, router, batch)
        handle.remove()
        return output

    return usual((model, tokenizer, texts, top_k, layer_idx), forward)


@exercise.chaff(caught_by=leaves_everything_as_it_was)
def swallows_exceptions(
    model: Any, tokenizer: Any, texts: Any, top_k: Any = None, layer_idx: int = 0
) -> dict[str, Any]:
    """Returns {} when the model's forward raises. The exception should reach the caller: {} says
    that the model has no routers."""
    try:
        return analyze_load_distribution(model, tokenizer, texts, top_k, layer_idx)
    except RuntimeError:
        return {}


@exercise.chaff(caught_by=leaves_everything_as_it_was)
def wraps_exceptions(
    model: Any, tokenizer: Any, texts: Any, top_k: Any = None, layer_idx: int = 0
) -> dict[str, Any]:
    """Raises an error of its own when the model's forward raises. That exception itself should
    reach the caller, who knows what to do about it."""

    def forward(model: Any, router: Any, batch: Any) -> Any:
        try:
            return forward_of(model, router, batch)
        except Exception as error:
            raise RuntimeError("the forward failed") from error

    return usual((model, tokenizer, texts, top_k, layer_idx), forward)


@exercise.chaff(caught_by=leaves_everything_as_it_was)
def restores_modes_after_success_only(
    model: Any, tokenizer: Any, texts: Any, top_k: Any = None, layer_idx: int = 0
) -> dict[str, Any]:
    """Restores the modes only where all went well. When the forward raises, the model stays in
    evaluation mode: restore them in a `finally`."""

    def forward(model: Any, router: Any, batch: Any) -> Any:
        modes = {module: module.training for module in model.modules()}
        model.eval()
        output = in_present_mode(model, router, batch)
        for module, mode in modes.items():
            module.training = mode
        return output

    return usual((model, tokenizer, texts, top_k, layer_idx), forward)
