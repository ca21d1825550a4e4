"""The reference solutions on every MoE family of transformers, built at a tiny size."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
import transformers
from families import FAMILIES, TEXT, TINY, build, has
from torch import nn

from moe_lab.tokenizer import byte_tokenizer
from reference.moe_router_analysis.analyze_load_distribution import analyze_load_distribution
from reference.moe_router_analysis.extract_router_weights import extract_router_weights
from reference.moe_router_analysis.find_router_layers import find_router_layers
from reference.moe_router_analysis.monitor_expert_usage import monitor_expert_usage


def described_routers(family: str, model: nn.Module) -> list[tuple[str, nn.Module]]:
    patterns = [re.escape(p).replace(r"\*", r"\d+") for p in FAMILIES[family]["routers"]]
    return [
        (name, module)
        for name, module in model.named_modules()
        if any(re.fullmatch(pattern, name) for pattern in patterns)
        and type(module).__name__ in FAMILIES[family]["router_classes"]
    ]


def from_indices(router: nn.Module, output: Any, given: list[Any], experts: int) -> torch.Tensor:
    """Most experts are called with the indices of the chosen ones."""
    return torch.bincount(given[0].flatten(), minlength=experts)


def from_scores(router: Any, output: Any, given: list[Any], experts: int) -> torch.Tensor:
    """Llama 4 scales the input of every expert, by zero where the expert was not chosen."""
    _, logits = output
    chosen = logits.argsort(dim=-1, descending=True)[:, : router.top_k]
    return torch.bincount(chosen.flatten(), minlength=experts)


def from_sizes(router: nn.Module, output: Any, given: list[Any], experts: int) -> torch.Tensor:
    """JetMoe sorts the tokens by expert, and tells how many each of them gets."""
    return torch.tensor(output[3])


def from_mask(router: Any, output: Any, given: list[Any], experts: int) -> torch.Tensor:
    """Switch sends each token to its best expert, as long as that one has capacity."""
    best = output[2].argmax(dim=-1)
    return torch.bincount(best.flatten(), minlength=experts).clamp(max=router.expert_capacity)


def from_weights(router: nn.Module, output: Any, given: list[Any], experts: int) -> torch.Tensor:
    """NLLB-MoE weighs the outputs of all experts, those beyond capacity with zero."""
    return (output[1] > 0).sum(dim=0)


def from_biased(router: Any, output: Any, given: list[Any], experts: int) -> torch.Tensor:
    """Zaya's last column stands for skipping all experts."""
    scores = output[0].softmax(dim=-1) + router.balancing_biases
    return torch.bincount(scores.argmax(dim=-1), minlength=experts)


Truth = Callable[[Any, Any, list[Any], int], torch.Tensor]
SPECIAL: dict[str, Truth] = {
    "llama4_text": from_scores,
    "jetmoe": from_sizes,
    "switch_transformers": from_mask,
    "nllb-moe": from_weights,
    "zaya": from_biased,
}


@contextmanager
def witnessed(model: nn.Module, name: str) -> Iterator[tuple[list[Any], list[Any]]]:
    """What a router returns, and the integer tensors that the experts beside it are called with."""
    outputs: list[Any] = []
    given: list[Any] = []

    def after(module: nn.Module, args: Any, output: Any) -> None:
        outputs.append(output)

    def before(module: nn.Module, args: Any, kwargs: Any) -> None:
        values = (*args, *kwargs.values())
        given.extend(v for v in values if isinstance(v, torch.Tensor) and v.dtype == torch.int64)

    router = model.get_submodule(name)
    block = model.get_submodule(name.rpartition(".")[0])
    experts = [child for key, child in block.named_children() if key in ("experts", "down_embed")]
    hooks = [router.register_forward_hook(after)]
    hooks += [module.register_forward_pre_hook(before, with_kwargs=True) for module in experts]
    try:
        yield outputs, given
    finally:
        for hook in hooks:
            hook.remove()


@pytest.mark.parametrize("family", FAMILIES)
def test_routers_and_their_decisions_are_found_in(family: str) -> None:
    model, tokenizer = build(family), byte_tokenizer()
    expected = described_routers(family, model)
    assert expected
    assert find_router_layers(model) == expected

    tokens = len(TEXT)
    for index in {0, len(expected) - 1}:
        name, router = expected[index]
        with witnessed(model, name) as (outputs, given):
            load = analyze_load_distribution(model, tokenizer, ["", TEXT], layer_idx=index)
        assert load["total_tokens"] == tokens
        counts = torch.tensor(list(load["expert_counts"].values()))
        if not outputs:
            assert not counts.any()
            continue
        truth = SPECIAL.get(family, from_indices)(router, outputs[0], given, len(counts))
        assert counts.tolist() == truth.tolist()


@pytest.mark.parametrize("family", FAMILIES)
def test_weights_and_usage_can_be_read_in(family: str) -> None:
    model = build(family)
    (name, _), *others = described_routers(family, model)
    weights = extract_router_weights(model)
    owner, _, attribute = f"{name}.{FAMILIES[family]['score_matrix']}".rpartition(".")
    assert weights is not None
    assert torch.equal(weights, getattr(model.get_submodule(owner), attribute).float())

    ids = torch.tensor([byte_tokenizer()(TEXT)["input_ids"]] * 2)
    mask = torch.ones_like(ids)
    mask[1, 5:] = 0
    [usage] = monitor_expert_usage(model, [{"input_ids": ids, "attention_mask": mask}])
    assert len(usage) == 3 * (1 + len(others))
    assert all(0 <= value <= 1 + 1e-9 for key, value in usage.items() if "entropy" in key)


DENSE = {
    "bert": {"num_hidden_layers": 2},
    "gemma3_text": {"num_hidden_layers": 2, "head_dim": 8},
    "gpt2": {"n_layer": 2, "n_embd": 32, "n_head": 4},
    "granite": {"num_hidden_layers": 2},
    "llama": {"num_hidden_layers": 2},
    "mamba": {"num_hidden_layers": 2},
    "qwen3": {"num_hidden_layers": 2, "head_dim": 8},
    "qwen3_5_text": {"num_hidden_layers": 2, "head_dim": 8},
    "t5": {"num_layers": 2},
}


@pytest.mark.parametrize("family", DENSE)
def test_a_dense_model_has_no_routers(family: str) -> None:
    config = transformers.AutoConfig.for_model(family)
    for name, value in (TINY | DENSE[family]).items():
        if has(config, name):
            setattr(config, name, value)
    with torch.device("meta"):
        model = transformers.AutoModel.from_config(config)
    assert find_router_layers(model) == []
    assert analyze_load_distribution(model, None, [], top_k=0, layer_idx=99) == {}
    assert extract_router_weights(model) is None
    assert monitor_expert_usage(model, [{}, {}]) == [{}, {}]
