"""What planted models do is what the closed form says, by the routers' own third output."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from moe_lab.bench import Bench
from moe_lab.families import FAMILIES, Family
from moe_lab.inputs import token_batch
from moe_lab.planted import ChoiceRule, draw_plan
from moe_lab.tokenizer import VOCABULARY

SEEDS = ("one", "two", "three")
LENGTHS = (19, 7, 1, 12)


@pytest.fixture(params=SEEDS, scope="module")
def bench(request: pytest.FixtureRequest) -> Bench:
    return Bench(request.param)


@pytest.fixture(params=FAMILIES, ids=lambda family: family.name, scope="module")
def family(request: pytest.FixtureRequest) -> Family:
    return request.param


def left_padded(seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    rng = np.random.default_rng(seed)
    return token_batch(rng, LENGTHS, VOCABULARY, padding_side="left", padding_id=None)


def router_outputs(model: Any, names: tuple[str, ...], **inputs: Any) -> list[Any]:
    outputs: list[Any] = []
    hooks = [
        model.get_submodule(name).register_forward_hook(lambda _, __, out: outputs.append(out))
        for name in names
    ]
    with torch.no_grad():
        model(**inputs)
    for hook in hooks:
        hook.remove()
    return outputs


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16], ids=str)
def test_counts_and_logits_of_every_router_equal_the_closed_form(
    bench: Bench, family: Family, dtype: torch.dtype
) -> None:
    ids, mask = left_padded()
    outputs = router_outputs(
        bench.model(family.name, dtype),
        bench.router_names(family.name),
        input_ids=ids,
        attention_mask=mask,
    )
    assert len(outputs) == len(family.router_layers) == bench.plan(family.name).num_routers
    for index, (logits, weights, chosen) in enumerate(outputs):
        real = chosen[mask.reshape(-1) == 1]
        counts = torch.bincount(real.reshape(-1), minlength=family.num_experts)
        assert torch.equal(bench.expected_counts(family.name, index, ids, mask), counts)
        assert torch.equal(bench.expected_logits(family.name, index, ids), logits.float())
        assert weights.shape == chosen.shape == (ids.numel(), family.rule.top_k)


def test_random_models_make_up_their_own_choice_by_the_familys_rule(
    bench: Bench, family: Family
) -> None:
    ids, _ = left_padded()
    model = bench.random(family.name)
    names = bench.router_names(family.name)
    for name, (logits, _, chosen) in zip(
        names, router_outputs(model, names, input_ids=ids), strict=True
    ):
        bias = getattr(model.get_submodule(name), "e_score_correction_bias", torch.zeros(()))
        values = family.rule.values(logits.double().numpy(), bias.double().numpy())
        expected, margin = family.rule.choose(values)
        got = np.zeros_like(expected)
        np.put_along_axis(got, chosen.numpy(), True, axis=1)
        clear = margin > 1e-5
        assert clear.mean() > 0.9
        assert np.array_equal(got[clear], expected[clear])


def test_counts_leave_padding_out(bench: Bench, family: Family) -> None:
    ids, mask = left_padded()
    everything = bench.expected_counts(family.name, 0, ids)
    real = bench.expected_counts(family.name, 0, ids, mask)
    assert everything.sum() == ids.numel() * family.rule.top_k
    assert real.sum() == mask.sum() * family.rule.top_k


def test_an_explicit_top_k_counts_the_largest_logits(bench: Bench, family: Family) -> None:
    ids, mask = left_padded()
    logits = bench.expected_logits(family.name, 0, ids)[mask.reshape(-1) == 1]
    for top_k in range(1, family.num_experts + 1):
        chosen = logits.topk(top_k).indices.reshape(-1)
        counts = bench.expected_counts(family.name, 0, ids, mask, top_k=top_k)
        assert torch.equal(counts, torch.bincount(chosen, minlength=family.num_experts))


@pytest.mark.parametrize("name", ["deepseek_v2", "deepseek_v3"])
def test_groups_and_bias_show_in_the_counts_even_of_short_texts(bench: Bench, name: str) -> None:
    plan = bench.plan(name)
    ids, mask = left_padded()
    for index in range(plan.num_routers):
        by_logits = plan.counts(index, ids, mask, top_k=plan.top_k)
        assert not torch.equal(plan.counts(index, ids, mask), by_logits)


def test_planted_scores_are_at_least_one_apart(bench: Bench, family: Family) -> None:
    scores = np.sort(bench.plan(family.name).scores, axis=-1)
    assert (np.diff(scores, axis=-1) >= 1).all()


def test_loads_of_planted_models_are_clearly_uneven(bench: Bench, family: Family) -> None:
    counts = bench.expected_counts(family.name, 0, torch.arange(256))
    mean = counts.double().mean()
    assert counts.max() > 1.3 * mean
    assert counts.min() < 0.7 * mean


def test_routers_of_one_model_load_their_experts_differently(bench: Bench, family: Family) -> None:
    ids = torch.arange(256)
    loads = [
        tuple(bench.expected_counts(family.name, index, ids).tolist())
        for index in range(bench.plan(family.name).num_routers)
    ]
    assert len(set(loads)) == len(loads)


def test_the_bias_of_a_gpt_oss_router_is_part_of_its_logits(bench: Bench) -> None:
    model = bench.model("gpt_oss")
    assert any(
        model.get_submodule(name).bias.abs().max() >= 1 for name in bench.router_names("gpt_oss")
    )


def test_training_mode_spoils_the_counts_of_mixtral(bench: Bench) -> None:
    model = bench.model("mixtral")
    ids = torch.arange(200)[None]
    model.train()
    with torch.random.fork_rng(devices=[]):
        outputs = router_outputs(model, bench.router_names("mixtral"), input_ids=ids)
    model.eval()
    counts = torch.bincount(outputs[0][2].reshape(-1), minlength=8)
    assert not torch.equal(counts, bench.expected_counts("mixtral", 0, ids))


def test_a_rule_keeps_an_expert_outside_the_best_groups_out() -> None:
    rule = ChoiceRule(top_k=2, n_group=2, topk_group=1, group_best=2)
    chosen, margin = rule.choose(np.array([[9.0, 0.0, 5.0, 5.5]]))
    assert chosen.tolist() == [[False, False, True, True]]
    assert margin.tolist() == [1.5]


def test_real_shapes_can_be_planted_too() -> None:
    plan = draw_plan(
        np.random.default_rng(0), ChoiceRule(top_k=6), routers=2, experts=64, vocabulary=102_400
    )
    counts = plan.counts(1, torch.arange(102_400))
    assert counts.shape == (64,)
    assert counts.sum() == 6 * 102_400
