"""Further correct solutions of `extract_router_weights`, and known-wrong ones."""

from __future__ import annotations

from typing import Any

import torch

from reference.moe_router_analysis.extract_router_weights import exercise, extract_router_weights
from reference.moe_router_analysis.extract_router_weights.checks import (
    copies_the_weights_of_olmoe,
    counts_routers_instead_of_layers,
    gives_a_copy_in_float32,
    gives_none_where_there_is_no_router,
)
from reference.moe_router_analysis.find_router_layers import find_router_layers


@exercise.wheat
def clones_a_named_parameter(model: Any, layer_idx: int = 0) -> torch.Tensor | None:
    """Reads the weight out of the parameters by its name."""
    names = [f"{name}.weight" for name, _ in find_router_layers(model)]
    if layer_idx not in range(len(names)):
        return None
    parameters: dict[str, torch.Tensor] = dict(model.named_parameters())
    return parameters[names[layer_idx]].clone().detach().to(torch.float32)


@exercise.wheat
def copies_through_numpy(model: Any, layer_idx: int = 0) -> torch.Tensor | None:
    """Goes through a NumPy array, which is copied."""
    for index, (_, router) in enumerate(find_router_layers(model)):
        if index == layer_idx:
            return torch.tensor(router.get_parameter("weight").detach().float().cpu().numpy())
    return None


@exercise.chaff(caught_by=gives_a_copy_in_float32)
def returns_a_view(model: Any, layer_idx: int = 0) -> torch.Tensor | None:
    """`.detach().float()` gives the parameter's own memory when it is float32 already; changing
    the result would change the model. Copy it."""
    routers = find_router_layers(model)
    if not 0 <= layer_idx < len(routers):
        return None
    return routers[layer_idx][1].get_parameter("weight").detach().float()


@exercise.chaff(caught_by=gives_a_copy_in_float32)
def keeps_the_dtype(model: Any, layer_idx: int = 0) -> torch.Tensor | None:
    """Keeps the model's dtype. Results are float32, also for a model in bfloat16."""
    routers = find_router_layers(model)
    if not 0 <= layer_idx < len(routers):
        return None
    return routers[layer_idx][1].get_parameter("weight").detach().clone()


@exercise.chaff(caught_by=gives_none_where_there_is_no_router)
def counts_from_the_end(model: Any, layer_idx: int = 0) -> torch.Tensor | None:
    """Takes a negative index as Python does, from the end. Here it is no router."""
    try:
        router = find_router_layers(model)[layer_idx][1]
    except IndexError:
        return None
    return torch.clone(router.get_parameter("weight").detach()).float()


@exercise.chaff(caught_by=gives_none_where_there_is_no_router)
def raises_beyond_the_last_router(model: Any, layer_idx: int = 0) -> torch.Tensor | None:
    """Raises an error where there is no such router. The result should be `None`."""
    if layer_idx < 0:
        return None
    router = find_router_layers(model)[layer_idx][1]
    return torch.clone(router.get_parameter("weight").detach()).float()


@exercise.chaff(caught_by=counts_routers_instead_of_layers)
def counts_layers(model: Any, layer_idx: int = 0) -> torch.Tensor | None:
    """Takes `layer_idx` as the number of a decoder layer. It counts routers: in a model whose
    first layer is dense, router 0 stands in layer 1."""
    for name, router in find_router_layers(model):
        if f"layers.{layer_idx}." in name:
            return router.get_parameter("weight").detach().clone().float()
    return None


@exercise.chaff(caught_by=copies_the_weights_of_olmoe)
def transposes(model: Any, layer_idx: int = 0) -> torch.Tensor | None:
    """Returns the matrix transposed. Its shape should be [E, d]: one row per expert."""
    weights = extract_router_weights(model, layer_idx)
    return None if weights is None else weights.T.contiguous()


@exercise.chaff(caught_by=gives_a_copy_in_float32)
def keeps_the_gradient(model: Any, layer_idx: int = 0) -> torch.Tensor | None:
    """Clones the parameter without detaching it, so the result still belongs to the graph."""
    routers = find_router_layers(model)
    if not 0 <= layer_idx < len(routers):
        return None
    return routers[layer_idx][1].get_parameter("weight").to(torch.float32, copy=True)
