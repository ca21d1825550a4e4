"""Further correct solutions of `find_router_layers`, and known-wrong ones."""

from __future__ import annotations

from typing import Any

from torch import nn

from reference.moe_router_analysis.find_router_layers import exercise, find_router_layers
from reference.moe_router_analysis.find_router_layers.checks import (
    finds_every_family,
    finds_the_routers_of_mixtral,
    finds_them_wherever_the_model_is,
    is_not_misled_by_names,
    leaves_the_model_as_it_was,
)


@exercise.wheat
def by_owned_parameters(model: nn.Module) -> list[tuple[str, nn.Module]]:
    """Looks for a direct `weight` with as many rows as the experts beside it."""
    routers = []
    modules = dict(model.named_modules())
    for name, module in modules.items():
        weight = module._parameters.get("weight")
        if weight is None or weight.dim() != 2:
            continue
        parent = modules[name.rpartition(".")[0]]
        experts = getattr(parent, "experts", None)
        if experts is None or module is experts:
            continue
        if any(len(p) == len(weight) for p in experts.parameters(recurse=False) if p.dim() == 3):
            routers.append((name, module))
    return routers


@exercise.wheat
def by_name_and_class(model: nn.Module) -> list[tuple[str, nn.Module]]:
    """Takes modules called gate or router whose class says router."""
    return [
        (name, module)
        for name, module in model.named_modules()
        if name.split(".")[-1] in ("gate", "router") and "router" in type(module).__name__.lower()
    ]


@exercise.chaff(caught_by=is_not_misled_by_names)
def takes_every_gate(model: nn.Module) -> list[tuple[str, nn.Module]]:
    """Takes every module whose name contains "gate" or "router". So does `gate_proj`, which every
    feed-forward network has, and `shared_expert_gate`: neither scores experts."""
    return [
        (name, module)
        for name, module in model.named_modules()
        if "gate" in name.split(".")[-1] or "router" in name.split(".")[-1]
    ]


@exercise.chaff(caught_by=finds_every_family)
def takes_whatever_scores_with_few_rows(model: nn.Module) -> list[tuple[str, nn.Module]]:
    """Takes every module with a matrix that is much wider than high. The gate of a shared expert
    is such a module too, and so are projections to few dimensions in attention."""
    return [
        (name, module)
        for name, module in model.named_modules()
        if "expert" in name + type(module).__name__.lower() or name.endswith((".gate", ".router"))
        if (weight := module._parameters.get("weight")) is not None
        if weight.dim() == 2 and 2 * weight.shape[0] < weight.shape[1]
    ]


@exercise.chaff(caught_by=finds_every_family)
def knows_only_gate(model: nn.Module) -> list[tuple[str, nn.Module]]:
    """Takes modules called `gate`. Some families call theirs `router`."""
    return [(n, m) for n, m in model.named_modules() if n.split(".")[-1] == "gate"]


@exercise.chaff(caught_by=finds_every_family)
def knows_one_spelling(model: nn.Module) -> list[tuple[str, nn.Module]]:
    """Looks for classes called `…TopKRouter`. Names of classes are no interface: the DeepSeek
    families spell it `TopkRouter`."""
    return [(n, m) for n, m in model.named_modules() if type(m).__name__.endswith("TopKRouter")]


@exercise.chaff(caught_by=is_not_misled_by_names)
def believes_names(model: nn.Module) -> list[tuple[str, nn.Module]]:
    """Takes every module called gate or router that owns a matrix of several rows. Attention has
    gates of that name too, one row per head: count the rows, or look for the experts beside it."""
    return [
        (name, module)
        for name, module in model.named_modules()
        if name.split(".")[-1] in ("gate", "router")
        if (weight := module._parameters.get("weight")) is not None
        if weight.dim() == 2 and weight.shape[0] > 1
    ]


@exercise.chaff(caught_by=finds_them_wherever_the_model_is)
def lists_a_shared_model_twice(model: nn.Module) -> list[tuple[str, nn.Module]]:
    """Lists a router once for each attribute that leads to it. `named_modules()` gives every
    module once, under its first name."""
    routers = [module for _, module in find_router_layers(model)]
    everything = model.named_modules(remove_duplicate=False)
    return [(name, module) for name, module in everything if module in routers]


@exercise.chaff(caught_by=finds_them_wherever_the_model_is)
def walks_down_a_fixed_path(model: Any) -> list[tuple[str, nn.Module]]:
    """Walks along `model.model.layers`. A base model has its layers one level higher, and another
    module may hold the whole model."""
    found = []
    for index, layer in enumerate(model.model.layers):
        for path in ("mlp.gate", "mlp.router", "block_sparse_moe.router"):
            block, _, child = path.partition(".")
            router = getattr(getattr(layer, block, None), child, None)
            if router is not None:
                found.append((f"model.layers.{index}.{path}", router))
    return found


@exercise.chaff(caught_by=finds_them_wherever_the_model_is)
def reads_the_config(model: Any) -> list[tuple[str, nn.Module]]:
    """Relies on what the config says of experts. A module that holds a model has no config, and
    the config of a dense model knows no experts."""
    config = model.config
    others = [key for key in ("num_local_experts", "n_routed_experts") if hasattr(config, key)]
    experts = getattr(config, others[0] if others else "num_experts")
    return [
        (name, module)
        for name, module in model.named_modules()
        if (weight := module._parameters.get("weight")) is not None and len(weight) == experts
    ]


@exercise.chaff(caught_by=leaves_the_model_as_it_was)
def switches_to_evaluation_mode(model: nn.Module) -> list[tuple[str, nn.Module]]:
    """Switches the model to evaluation mode. Whoever trains it would go on without dropout: a
    search leaves a model as it is."""
    return find_router_layers(model.eval())


@exercise.chaff(caught_by=finds_every_family)
def sorts_by_name(model: nn.Module) -> list[tuple[str, nn.Module]]:
    """Sorts by name. In the alphabet, layer 10 comes before layer 2."""
    return sorted(find_router_layers(model), key=lambda found: found[0])


@exercise.chaff(caught_by=finds_the_routers_of_mixtral)
def looks_for_linear_layers(model: nn.Module) -> list[tuple[str, nn.Module]]:
    """Looks for `nn.Linear` layers called gate or router. Since transformers 5 the routers are
    modules of their own classes, which own a `weight` without being `nn.Linear`."""
    return [
        (name, module)
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear) and name.endswith((".gate", ".router"))
    ]


@exercise.chaff(caught_by=finds_the_routers_of_mixtral)
def returns_blocks(model: nn.Module) -> list[tuple[str, nn.Module]]:
    """Returns the MoE blocks. The router is the module inside the block that owns the score
    matrix."""
    return [(n, m) for n, m in model.named_modules() if hasattr(m, "gate") or hasattr(m, "router")]


@exercise.chaff(caught_by=finds_the_routers_of_mixtral)
def shortens_names(model: nn.Module) -> list[tuple[str, nn.Module]]:
    """Returns the last part of each name. The qualified name is the whole path from the model."""
    return [(name.split(".")[-1], module) for name, module in find_router_layers(model)]
