"""Every MoE family of transformers as a tiny model.

`tests/reference/families.json` says, for each family, which model class to build, where its routers
stand and what they are called, as seen by reading the modelling files and by running them
(transformers 5.23).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from moe_lab.tokenizer import BOS_ID, EOS_ID, PAD_ID

FILE = Path(__file__).resolve().parents[1] / "reference" / "families.json"
FAMILIES: dict[str, dict[str, Any]] = json.loads(FILE.read_text("utf-8"))
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
