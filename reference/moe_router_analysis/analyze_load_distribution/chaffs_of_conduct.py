"""Known-wrong solutions of `analyze_load_distribution` that count well and err otherwise.

In the statistics, in the arguments that they refuse, or in how they leave the model.
"""

from __future__ import annotations

import math
from typing import Any

from reference.moe_router_analysis.analyze_load_distribution._usual import (
    forward_of,
    in_present_mode,
    usual,
)
from reference.moe_router_analysis.analyze_load_distribution.checks import (
    counts_one_text,
    counts_the_largest_logits,
    derives_the_statistics,
    derives_the_statistics_of_any_load,
    leaves_everything_as_it_was,
    refuses_wrong_arguments,
    routes_padded_texts_as_alone,
    tells_close_logits_apart,
)
from reference.moe_router_analysis.analyze_load_distribution.solution import (
    analyze_load_distribution,
    exercise,
)
from reference.moe_router_analysis.find_router_layers import find_router_layers


@exercise.chaff(
    caught_by=(counts_one_text, counts_the_largest_logits, derives_the_statistics_of_any_load)
)
def forgets_idle_experts(
    model: Any, tokenizer: Any, texts: Any, top_k: Any = None, layer_idx: int = 0
) -> dict[str, Any]:
    """Tells only of experts that got a token. The idle ones matter most: their count is 0."""
    load = usual((model, tokenizer, texts, top_k, layer_idx), forward_of)
    busy = {expert: n for expert, n in load.get("expert_counts", {}).items() if n}
    return {**load, "expert_counts": busy} if load else {}


@exercise.chaff(
    caught_by=(
        derives_the_statistics,
        derives_the_statistics_of_any_load,
        routes_padded_texts_as_alone,
        tells_close_logits_apart,
    )
)
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
