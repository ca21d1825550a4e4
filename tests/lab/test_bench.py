"""The bench: what it holds, how things are found by handle, and that building disturbs nothing."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from moe_lab import Bench, load_model, load_tokenizer
from moe_lab.drawn import Recipe
from moe_lab.families import FAMILIES, Family
from moelab_kit.side_effects import StateBefore

FACTORIES = ("model", "base", "wrapped", "random")


@pytest.fixture(scope="module")
def bench() -> Bench:
    return Bench(3)


@pytest.fixture(params=FAMILIES, ids=lambda family: family.name)
def family(request: pytest.FixtureRequest) -> Family:
    return request.param


def weights(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {**dict(model.named_parameters()), **dict(model.named_buffers())}


def same_weights(one: torch.nn.Module, other: torch.nn.Module) -> bool:
    first, second = weights(one), weights(other)
    return first.keys() == second.keys() and all(
        torch.equal(first[name], second[name]) for name in first
    )


def test_families_come_in_the_order_of_the_course(bench: Bench) -> None:
    assert bench.families == (
        *("mixtral", "olmoe", "qwen2_moe", "qwen3_moe"),
        *("deepseek_v2", "deepseek_v3", "gpt_oss", "granitemoe"),
    )
    assert bench.softmax_families == bench.families[:4]


def test_every_handle_leads_to_one_object_and_back(bench: Bench) -> None:
    handles = bench.keys()
    found = [bench.resolve(handle) for handle in handles]
    assert len({id(thing) for thing in found}) == len(handles)
    assert tuple(bench.handle_of(thing) for thing in found) == handles
    again = [bench.resolve(handle) for handle in handles]
    assert all(one is other for one, other in zip(found, again, strict=True))


def test_every_factory_gives_something_with_a_handle(bench: Bench, family: Family) -> None:
    for factory in FACTORIES:
        for dtype in (torch.float32, torch.bfloat16):
            made = getattr(bench, factory)(family.name, dtype)
            assert bench.handle_of(made) == f"{factory}:{family.name}:{str(dtype)[6:]}"
            assert getattr(bench, factory)(family.name, dtype) is made
    assert bench.handle_of(bench.failing(family.name)) == f"failing:{family.name}"
    assert bench.handle_of(bench.dense()) == "dense"
    assert bench.handle_of(bench.deep()) == "deep"
    assert bench.handle_of(bench.tokenizer(bos=True, padding_side="left")) == "tokenizer:bos:left"


@pytest.mark.parametrize("handle", ["", "model", "model:mixtral", "model:mixtral:int8", "x" * 9999])
def test_unknown_handles_are_key_errors(bench: Bench, handle: str) -> None:
    with pytest.raises(KeyError):
        bench.resolve(handle)


@pytest.mark.parametrize("handle", [None, 0, ["dense"], {"dense": 1}], ids=repr)
def test_handles_that_are_no_strings_are_key_errors(bench: Bench, handle: Any) -> None:
    with pytest.raises(KeyError):
        bench.resolve(handle)


def test_a_thing_with_hostile_dunders_has_no_handle(bench: Bench) -> None:
    class Hostile:
        def __hash__(self) -> int:
            raise AssertionError("hashed")

        def __eq__(self, other: object) -> bool:
            raise AssertionError("compared")

        def __getattribute__(self, name: str) -> Any:
            raise AssertionError("looked into")

    bench.dense()
    assert bench.handle_of(Hostile()) is None


def test_models_of_another_bench_and_parts_of_models_have_no_handle(bench: Bench) -> None:
    assert bench.handle_of(Bench(3).model("olmoe")) is None
    assert bench.handle_of(bench.model("olmoe").lm_head) is None


def test_the_same_seed_gives_the_same_weights(bench: Bench, family: Family) -> None:
    other = Bench(3)
    assert same_weights(bench.model(family.name), other.model(family.name))
    assert same_weights(bench.random(family.name), other.random(family.name))
    assert same_weights(bench.dense(), other.dense())


def test_another_seed_gives_other_weights_and_other_routing(bench: Bench, family: Family) -> None:
    other = Bench("3 again")
    assert not same_weights(bench.model(family.name), other.model(family.name))
    assert not same_weights(bench.random(family.name), other.random(family.name))
    ids = torch.arange(256)
    assert not torch.equal(
        bench.expected_counts(family.name, 0, ids), other.expected_counts(family.name, 0, ids)
    )


def test_the_order_of_building_does_not_matter(family: Family) -> None:
    forwards, backwards = Bench(4), Bench(4)
    backwards.random("olmoe")
    backwards.model(family.name, torch.bfloat16)
    assert same_weights(forwards.model(family.name), backwards.model(family.name))


def test_models_come_in_evaluation_mode_without_gradients(bench: Bench, family: Family) -> None:
    for model in (
        bench.model(family.name),
        bench.base(family.name),
        bench.wrapped(family.name),
        bench.random(family.name),
        bench.failing(family.name),
        bench.dense(),
    ):
        assert not any(module.training for module in model.modules())
        assert all(p.grad is None and p.requires_grad for p in model.parameters())


def test_models_are_warm_so_that_transformers_adds_no_hooks_later(
    bench: Bench, family: Family
) -> None:
    ids = torch.arange(5)[None]
    for model in (
        bench.model(family.name),
        bench.base(family.name, torch.bfloat16),
        bench.wrapped(family.name),
        bench.random(family.name),
        bench.dense(),
    ):
        before = StateBefore((model, ids), {})
        with torch.no_grad():
            model(ids, output_router_logits=True, output_hidden_states=True)
            model(input_ids=ids, output_attentions=True)
        assert before.difference() == ""


def test_base_and_wrapper_share_the_models_weights(bench: Bench, family: Family) -> None:
    model, base, wrapped = (
        getattr(bench, factory)(family.name) for factory in ("model", "base", "wrapped")
    )
    assert base is model.model
    assert wrapped.language_model is model
    ids = torch.arange(7)[None]
    with torch.no_grad():
        assert torch.equal(wrapped(input_ids=ids).logits, model(input_ids=ids).logits)


def test_router_names_lead_to_modules_with_the_weight_of_the_contract(
    bench: Bench, family: Family
) -> None:
    model = bench.model(family.name)
    names = bench.router_names(family.name)
    in_order = [name for name, _ in model.named_modules() if name in names]
    assert in_order == list(names)
    shape = (family.num_experts, model.config.hidden_size)
    assert all(model.get_submodule(name).weight.shape == shape for name in names)
    routers = {n for n, m in model.named_modules() if type(m).__name__.endswith("Router")}
    assert routers == set(names)


def test_a_failing_model_raises_after_some_routers_ran(bench: Bench, family: Family) -> None:
    model = bench.failing(family.name)
    seen: list[str] = []
    names = bench.router_names(family.name)
    hooks = [
        model.get_submodule(name).register_forward_hook(lambda *_, name=name: seen.append(name))
        for name in names
    ]
    with pytest.raises(RuntimeError, match="planted failure"):
        model(torch.arange(5)[None])
    for hook in hooks:
        hook.remove()
    assert seen
    assert seen == list(names[: len(seen)])
    with torch.no_grad():
        bench.model(family.name)(torch.arange(5)[None])


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_gradients_reach_every_weight_of_a_random_model(
    bench: Bench, family: Family, dtype: torch.dtype
) -> None:
    model = bench.random(family.name, dtype)
    ids = torch.arange(128).reshape(2, 64)
    named = dict(model.named_parameters())
    grads = torch.autograd.grad(model(ids, labels=ids).loss, list(named.values()))
    for name, grad in zip(named, grads, strict=True):
        assert torch.isfinite(grad).all(), name
        assert grad.abs().sum() > 0, name


def test_the_dense_model_has_gate_projections_and_no_router(bench: Bench) -> None:
    names = [name for name, _ in bench.dense().named_modules()]
    assert any(name.endswith("gate_proj") for name in names)
    assert not any(name.endswith((".gate", "router", "experts")) for name in names)


def test_experts_layers_and_top_k_differ_between_families() -> None:
    assert len({family.num_experts for family in FAMILIES}) > 4
    assert len({family.rule.top_k for family in FAMILIES}) > 1
    assert len({len(family.router_layers) for family in FAMILIES}) > 1


def test_building_leaves_the_global_random_state_alone() -> None:
    torch.manual_seed(1)
    np.random.seed(1)
    random.seed(1)
    state = torch.get_rng_state(), np.random.get_state()[1].tolist(), random.getstate()
    bench = Bench(8)
    for handle in ("model:mixtral:bfloat16", "random:gpt_oss:float32", "failing:olmoe", "dense"):
        bench.resolve(handle)
    assert torch.equal(torch.get_rng_state(), state[0])
    assert np.random.get_state()[1].tolist() == state[1]
    assert random.getstate() == state[2]
    assert torch.get_default_dtype() is torch.float32


def test_load_model_gives_a_fresh_tiny_model_of_any_family(family: Family) -> None:
    model = load_model(family.name)
    assert model.config.model_type == family.name
    assert model is not load_model(family.name)
    assert not model.training
    tokens = load_tokenizer()("A router at work", return_tensors="pt")
    with torch.no_grad():
        assert torch.isfinite(model(**tokens).logits).all()


def test_load_model_takes_dtype_and_device() -> None:
    model = load_model("mixtral", dtype=torch.bfloat16, device="cpu")
    assert model.dtype is torch.bfloat16
    assert model.device == torch.device("cpu")


def test_load_model_and_load_tokenizer_read_a_folder(tmp_path: Path) -> None:
    saved, tokenizer = load_model("olmoe"), load_tokenizer("olmoe")
    saved.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    again = load_model(str(tmp_path))
    assert same_weights(saved, again)
    assert not again.training
    text = "naïve router"
    assert load_tokenizer(str(tmp_path))(text)["input_ids"] == tokenizer(text)["input_ids"]


def test_an_unknown_name_is_reported_as_transformers_does(tmp_path: Path) -> None:
    with pytest.raises((OSError, ValueError)):
        load_model(str(tmp_path / "nothing"))


@pytest.mark.slow
def test_the_lab_imports_no_part_of_the_engine() -> None:
    program = (
        "import sys, moe_lab.bench, moe_lab.inputs\n"
        "own = [m for m in sys.modules if m.startswith('autograder')]\n"
        "sys.exit(', '.join(own) or 0)"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_recipe_gives_the_same_model_on_every_bench_and_another_for_another_seed() -> None:
    recipe = Recipe(family="olmoe", seed=5, layers=2, experts=7, frozen=True, decoys=True)
    one, other = Bench(1).resolve(recipe.handle), Bench(2).drawn(recipe)
    assert Recipe.from_handle(recipe.handle) == recipe
    assert same_weights(one, other)
    assert len(one.model.layers) == 2
    assert one.get_submodule("model.layers.0.mlp.gate").weight.shape[0] == 7
    assert {parameter.requires_grad for parameter in one.parameters()} == {True, False}
    again = Bench(1).drawn(Recipe(family="olmoe", seed=6, layers=2, experts=7, decoys=True))
    assert not same_weights(one, again)


def test_a_drawn_model_raises_held_and_trains_as_its_recipe_says() -> None:
    bench = Bench(1)
    recipe = Recipe(family="mixtral", seed=1, raises="KeyError", training="part")
    model = bench.drawn(recipe)
    assert {module.training for module in model.modules()} == {True, False}
    with pytest.raises(KeyError):
        model(torch.zeros(1, 2).long())
    held = bench.drawn(Recipe(family="mixtral", seed=1, held=("student", "teacher")))
    assert held.student is held.teacher


@pytest.mark.slow
def test_a_bench_that_forgets_the_truth_keeps_its_models_and_no_table() -> None:
    bench = Bench(4)
    bench.forget_truth()
    assert same_weights(bench.model("mixtral"), Bench(4).model("mixtral"))
    assert bench.seed != 4
    with pytest.raises(LookupError):
        bench.plan("mixtral")
    assert bench.drawn(Recipe(family="olmoe", seed=1)) is not None
