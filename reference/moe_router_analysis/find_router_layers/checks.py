"""The checks of `find_router_layers`."""

from __future__ import annotations

import numpy as np
from torch import nn

from moe_lab.bench import Bench
from moe_lab.drawn import Recipe
from moelab_kit.calls import Answer
from moelab_kit.compare import kind_of
from reference.moe_router_analysis._drawn import draw, router_names
from reference.moe_router_analysis.find_router_layers import exercise


@exercise.law(points=2, proves="every-router")
def finds_the_routers_of_mixtral(answer: Answer, rng: np.random.Generator, bench: Bench) -> None:
    """Finds the router of each layer of a Mixtral, as (name, module)"""
    seed, layers = int(rng.integers(2**31)), int(rng.integers(2, 8))
    model = bench.drawn(Recipe(family="mixtral", seed=seed, layers=layers))
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
    assert len(found) == layers, (
        f"this model has {layers} MoE layers, each with one router; you found {len(found)}"
    )
    order = [name for name, _ in model.named_modules() if name in dict(found)]
    assert [name for name, _ in found] == order, "the order should be that of named_modules()"


@exercise.law(points=2.5, proves=("every-router", "router", "families"), hidden=True)
def finds_every_family(answer: Answer, rng: np.random.Generator, bench: Bench) -> None:
    """Finds all routers, and nothing else, in each of the eight families, in order"""
    for family in bench.models:
        _compare(answer, bench.model(family), bench.router_names(family))
    for family in ("olmoe", "qwen3_moe", "deepseek_v3"):
        recipe = draw(rng, family, layers=int(rng.integers(11, 14)))
        _compare(answer, bench.drawn(recipe), router_names(recipe))


@exercise.law(points=2, proves=("every-router", "families"), hidden=True)
def finds_them_wherever_the_model_is(
    answer: Answer, rng: np.random.Generator, bench: Bench
) -> None:
    """Finds the routers in a base model, and in a module that holds the model, each once"""
    for family in ("qwen2_moe", "deepseek_v3", "gpt_oss", "granitemoe"):
        names = bench.router_names(family)
        inner = tuple(name.removeprefix("model.") for name in names)
        _compare(answer, bench.base(family), inner)
        outer = tuple(f"language_model.{name}" for name in names)
        _compare(answer, bench.wrapped(family), outer)
    for family, held in (("olmoe", ("student", "teacher")), ("deepseek_v2", ("policy",))):
        recipe = draw(rng, family, layers=int(rng.integers(2, 7)), held=held)
        _compare(answer, bench.drawn(recipe), router_names(recipe))


@exercise.law(points=2, proves=("not-routers", "router"), hidden=True)
def is_not_misled_by_names(answer: Answer, rng: np.random.Generator, bench: Bench) -> None:
    """Finds no gate of attention, whatever it is called, and no feed-forward projection"""
    for family in ("mixtral", "qwen2_moe", "deepseek_v3", "gpt_oss"):
        recipe = draw(rng, family, layers=int(rng.integers(3, 7)), decoys=True)
        _compare(answer, bench.drawn(recipe), router_names(recipe))


@exercise.law(points=1, proves="dense", hidden=True)
def finds_none_in_a_dense_model(answer: Answer, bench: Bench) -> None:
    """Finds no router in a dense model, and still all of them in an MoE model"""
    _compare(answer, bench.dense(), ())
    _compare(answer, bench.model("olmoe"), bench.router_names("olmoe"))


@exercise.law(points=0.5, proves="left-alone", hidden=True)
def leaves_the_model_as_it_was(answer: Answer, rng: np.random.Generator, bench: Bench) -> None:
    """Finds the routers of a model in training, and changes nothing in it"""
    for training in ("all", "part"):
        settings = {"training": training, "frozen": True, "gradients": True}
        recipe = draw(rng, "mixtral", dtype="bfloat16", **settings)
        _compare(answer, bench.drawn(recipe), router_names(recipe))
        assert not answer.left_behind, (
            f"looking for routers must leave a model as it is: {answer.left_behind}"
        )


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
