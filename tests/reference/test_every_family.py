"""The reference solutions on every MoE family of transformers, built at a tiny size.

`families.json` says, for each family, which model class to build, where its routers stand and what
they are called, as seen by reading the modelling files and by running them (transformers 5.23).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from torch import nn

from moe_lab.tokenizer import BOS_ID, EOS_ID, PAD_ID, byte_tokenizer
from reference.moe_router_analysis.analyze_load_distribution import analyze_load_distribution
from reference.moe_router_analysis.extract_router_weights import extract_router_weights
from reference.moe_router_analysis.find_router_layers import find_router_layers
from reference.moe_router_analysis.monitor_expert_usage import monitor_expert_usage

FAMILIES: dict[str, dict[str, Any]] = json.loads(
    Path(__file__).with_name("families.json").read_text("utf-8")
)
TEXT = "Which expert?"
EXPERTS = dict.fromkeys(
    ("num_experts", "num_local_experts", "n_routed_experts", "moe_num_experts"), 8
)
TOP_K = dict.fromkeys(
    ("num_experts_per_tok", "num_experts_per_token", "moe_k", "moe_topk", "top_k_experts"), 2
)
LAYERS = dict.fromkeys(("num_hidden_layers", "num_layers"), 4)
HEADS = dict.fromkeys(
    (
        *("num_attention_heads", "num_key_value_heads", "num_heads", "index_n_heads"),
        *("encoder_attention_heads", "decoder_attention_heads", "linear_num_heads"),
        *("linear_num_key_heads", "linear_num_value_heads"),
    ),
    4,
)
HEAD_SIZES = dict.fromkeys(
    (
        *("qk_rope_head_dim", "qk_nope_head_dim", "v_head_dim", "index_head_dim"),
        *("linear_head_dim", "linear_key_head_dim", "linear_value_head_dim"),
    ),
    8,
)
WIDTHS = dict.fromkeys(
    (
        *("moe_intermediate_size", "shared_expert_intermediate_size", "expert_ffn_hidden_size"),
        *("shared_intermediate_size", "q_lora_rank", "kv_lora_rank", "index_topk"),
    ),
    16,
)
FEED_FORWARD = dict.fromkeys(
    ("intermediate_size", "ffn_hidden_size", "d_ff", "encoder_ffn_dim", "decoder_ffn_dim"), 48
)
GROUPS = dict.fromkeys(("n_group", "topk_group", "num_expert_group"), 1)
TINY: dict[str, Any] = {
    **EXPERTS,
    **TOP_K,
    **LAYERS,
    **HEADS,
    **HEAD_SIZES,
    **WIDTHS,
    **FEED_FORWARD,
    **GROUPS,
    "vocab_size": 320,
    "pad_token_id": PAD_ID,
    "bos_token_id": BOS_ID,
    "eos_token_id": EOS_ID,
    "hidden_size": 32,
    "d_model": 32,
    "encoder_layers": 2,
    "decoder_layers": 2,
    "max_position_embeddings": 128,
    "expert_capacity": 4,
    "zero_expert_num": 2,
    "hidden_size_per_layer_input": 0,
}


def build(family: str) -> Any:
    """A tiny model of a family with random weights, in evaluation mode."""
    described = FAMILIES[family]
    model_class = getattr(transformers, described["model_class"], None)
    if model_class is None:
        pytest.skip(f"transformers {transformers.__version__} has no {described['model_class']}")
    config_class = model_class.config_class
    known = config_class()
    settings = {name: value for name, value in TINY.items() if has(known, name)}
    if has(known, "head_dim") and not has(known, "kv_lora_rank"):
        settings["head_dim"] = 8
    settings |= described.get("settings", {})
    for name in described.get("without", ()):
        settings.pop(name)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return model_class._from_config(config_class(**settings)).eval()


def has(config: Any, name: str) -> bool:
    """Whether a config has an attribute; some raise other errors than AttributeError."""
    try:
        getattr(config, name)
    except Exception:
        return False
    return True


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
