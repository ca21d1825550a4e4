r"""# Find the routers

A mixture-of-experts model replaces the feed-forward network of (some) layers by E *experts*. In
front of them stands a small module, the **router** (also called *gate*): a matrix of shape [E, d]
scores the experts for each token, and only the experts with the best scores compute. Everything
in this lab starts with finding these modules.

Write `find_router_layers(model)`. It returns **every router of the model as `(name, module)`**:
the qualified name, as `model.named_modules()` gives it (`"model.layers.0.mlp.gate"`), and the
module itself, in the order of `model.named_modules()`.

- A router is the module that owns the [E, d] matrix that scores the experts.
- Not routers, whatever their names say: feed-forward projections (`gate_proj`), the gate of a
  shared expert (`shared_expert_gate`), gates of attention.
- A model without MoE layers gives `[]`.

It must work for the families `mixtral`, `olmoe`, `qwen2_moe`, `qwen3_moe`, `deepseek_v2`,
`deepseek_v3`, `gpt_oss` and `granitemoe` of `transformers`, as causal language model or as base
model, and when another module holds the model in an attribute. In all eight the router owns a
parameter `weight` of shape [E, d]. But they do not agree on its name, on its class, on how the
config calls the number of experts, or on which layers are MoE layers: some layers of `deepseek_*`
and `qwen*_moe` are dense. Print a few models before you decide what to look for.

Source: the modelling files under `transformers/models/`, for example
`transformers/models/mixtral/modeling_mixtral.py`.
"""

from __future__ import annotations

from typing import Any

from torch import nn

from autograder import Exercise
from autograder.lab.bench import Bench
from autograder.lab.calls import Answer
from autograder.lab.compare import kind_of
from reference.moe_router_analysis._routing import find_routers

exercise = Exercise("find_router_layers")


@exercise.solution
def find_router_layers(model: nn.Module) -> list[tuple[str, nn.Module]]:
    """Find every router of a model: the modules that own the [E, d] matrix scoring the experts.

    Args:
        model: any PyTorch module; usually a language model of transformers.

    Returns:
        `(qualified name, module)` of each router, in the order of `model.named_modules()`; `[]`
        for a model without MoE layers.
    """
    return [(router.name, router.module) for router in find_routers(model)]


@exercise.law(points=2)
def finds_the_routers_of_mixtral(answer: Answer, bench: Bench) -> None:
    """Finds the router of each layer of a Mixtral, as (name, module)"""
    model = bench.model("mixtral")
    found = answer(model)
    assert isinstance(found, list), f"asked for a list of (name, module), got {kind_of(found)}"
    for entry in found:
        assert isinstance(entry, tuple | list), (
            f"each entry should be a tuple (name, module); one is {kind_of(entry)}"
        )
        assert len(entry) == 2, f"an entry (name, module) has two parts, not {len(entry)}"
        name, module = entry
        assert isinstance(name, str), f"the first part of an entry should be a name, not {name!r}"
        assert isinstance(module, nn.Module), f"{name!r} should come with its module"
        known = dict(model.named_modules())
        assert name in known, (
            f"{name!r} is not a qualified name: take names from model.named_modules()"
        )
        assert module is known[name], f"{name!r} is the name of another module than the one given"
        weight = getattr(module, "weight", None)
        shape = (model.config.num_local_experts, model.config.hidden_size)
        assert tuple(getattr(weight, "shape", ())) == shape, (
            f"{name!r} does not own a weight with one row for each of the "
            f"{shape[0]} experts: it is no router"
        )
    layers = model.config.num_hidden_layers
    assert len(found) == layers, (
        f"this model has {layers} MoE layers, each with one router; you found {len(found)}"
    )
    order = [name for name, _ in model.named_modules() if name in dict(found)]
    assert [name for name, _ in found] == order, "the order should be that of named_modules()"


@exercise.law(points=4, hidden=True)
def finds_every_family(answer: Answer, bench: Bench) -> None:
    """Finds all routers, and nothing else, in each of the eight families"""
    for family in bench.families:
        _compare(answer, bench.model(family), bench.router_names(family))
        assert not answer.left_behind, (
            f"looking for routers must leave a model as it is: {answer.left_behind}"
        )
    deep = tuple(f"model.layers.{layer}.mlp.gate" for layer in range(11))
    _compare(answer, bench.deep(), deep)
    model = bench.model("qwen2_moe")
    try:
        _compare(answer, model.train(), bench.router_names("qwen2_moe"))
    finally:
        model.eval()
    assert not answer.left_behind, (
        f"looking for routers must leave a model as it is: {answer.left_behind}"
    )


@exercise.law(points=2.5, hidden=True)
def finds_them_wherever_the_model_is(answer: Answer, bench: Bench) -> None:
    """Finds the routers in a base model, and in a module that holds the model"""
    for family in ("qwen2_moe", "deepseek_v3", "gpt_oss", "granitemoe"):
        names = bench.router_names(family)
        inner = tuple(name.removeprefix("model.") for name in names)
        _compare(answer, bench.base(family), inner)
        outer = tuple(f"language_model.{name}" for name in names)
        _compare(answer, bench.wrapped(family), outer)


@exercise.law(points=1.5, hidden=True)
def finds_none_in_a_dense_model(answer: Answer, bench: Bench) -> None:
    """Finds no router in a dense model, and still all of them in an MoE model"""
    _compare(answer, bench.dense(), ())
    _compare(answer, bench.model("olmoe"), bench.router_names("olmoe"))


def _compare(answer: Answer, model: nn.Module, names: tuple[str, ...]) -> None:
    """Compare an answer with the names of the routers; messages for hidden checks."""
    found = answer(model)
    assert isinstance(found, list), f"the result is {kind_of(found)}, not a list"
    for entry in found:
        assert isinstance(entry, tuple | list), "an entry is not a tuple (name, module)"
        assert len(entry) == 2, "an entry has more or less than two parts"
    got = [name for name, _ in found]
    missing = [name for name in names if name not in got]
    surplus = [name for name in got if name not in names]
    assert not missing, (
        "a router is missing: look for the module that owns the matrix with one row per expert, "
        "not for one name, class, layer or place"
    )
    assert not surplus, (
        "something that is no router was returned: projections, gates of shared experts and "
        "blocks around a router do not score the experts"
    )
    assert got == list(names), "the routers are not in the order of named_modules(), each once"
    for name, module in found:
        assert module is model.get_submodule(name), "a name comes with another module than its own"


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


EVERYTHING = (
    finds_the_routers_of_mixtral,
    finds_every_family,
    finds_them_wherever_the_model_is,
    finds_none_in_a_dense_model,
)


@exercise.chaff(
    caught_by=(finds_every_family, finds_them_wherever_the_model_is, finds_none_in_a_dense_model)
)
def takes_every_gate(model: nn.Module) -> list[tuple[str, nn.Module]]:
    """Takes every module whose name contains "gate" or "router". So does `gate_proj`, which every
    feed-forward network has, and `shared_expert_gate`: neither scores experts."""
    return [
        (name, module)
        for name, module in model.named_modules()
        if "gate" in name.split(".")[-1] or "router" in name.split(".")[-1]
    ]


@exercise.chaff(caught_by=(finds_every_family, finds_them_wherever_the_model_is))
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


@exercise.chaff(caught_by=(finds_every_family, finds_them_wherever_the_model_is))
def knows_only_gate(model: nn.Module) -> list[tuple[str, nn.Module]]:
    """Takes modules called `gate`. Some families call theirs `router`."""
    return [(n, m) for n, m in model.named_modules() if n.split(".")[-1] == "gate"]


@exercise.chaff(caught_by=(finds_every_family, finds_them_wherever_the_model_is))
def knows_one_spelling(model: nn.Module) -> list[tuple[str, nn.Module]]:
    """Looks for classes called `…TopKRouter`. Names of classes are no interface: the DeepSeek
    families spell it `TopkRouter`."""
    return [(n, m) for n, m in model.named_modules() if type(m).__name__.endswith("TopKRouter")]


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


@exercise.chaff(caught_by=(finds_them_wherever_the_model_is, finds_none_in_a_dense_model))
def reads_the_config(model: Any) -> list[tuple[str, nn.Module]]:
    """Takes the number of experts from the config. A module that holds a model has no config, and
    the config of a dense model knows no experts."""
    config = model.config
    for key in ("num_local_experts", "n_routed_experts", "num_experts"):
        if hasattr(config, key):
            experts = getattr(config, key)
            break
    return [
        (name, module)
        for name, module in model.named_modules()
        if (weight := module._parameters.get("weight")) is not None and len(weight) == experts
    ]


@exercise.chaff(caught_by=finds_every_family)
def switches_to_evaluation_mode(model: nn.Module) -> list[tuple[str, nn.Module]]:
    """Switches the model to evaluation mode. Whoever trains it would go on without dropout: a
    search leaves a model as it is."""
    return find_router_layers(model.eval())


@exercise.chaff(caught_by=finds_every_family)
def sorts_by_name(model: nn.Module) -> list[tuple[str, nn.Module]]:
    """Sorts by name. In the alphabet, layer 10 comes before layer 2."""
    return sorted(find_router_layers(model), key=lambda found: found[0])


@exercise.chaff(caught_by=EVERYTHING)
def looks_for_linear_layers(model: nn.Module) -> list[tuple[str, nn.Module]]:
    """Looks for `nn.Linear` layers called gate or router. Since transformers 5 the routers are
    modules of their own classes, which own a `weight` without being `nn.Linear`."""
    return [
        (name, module)
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear) and name.endswith((".gate", ".router"))
    ]


@exercise.chaff(caught_by=EVERYTHING)
def returns_blocks(model: nn.Module) -> list[tuple[str, nn.Module]]:
    """Returns the MoE blocks. The router is the module inside the block that owns the score
    matrix."""
    return [(n, m) for n, m in model.named_modules() if hasattr(m, "gate") or hasattr(m, "router")]


@exercise.chaff(caught_by=EVERYTHING)
def shortens_names(model: nn.Module) -> list[tuple[str, nn.Module]]:
    """Returns the last part of each name. The qualified name is the whole path from the model."""
    return [(name.split(".")[-1], module) for name, module in find_router_layers(model)]
