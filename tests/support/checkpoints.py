"""Small checkpoints as a user would have them: safetensors in several files."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM

REMOTE = Path(__file__).resolve().parents[1] / "models" / "remote"
COMMON: dict[str, Any] = {
    "vocab_size": 320,
    "hidden_size": 64,
    "intermediate_size": 32,
    "moe_intermediate_size": 16,
    "num_attention_heads": 4,
    "num_key_value_heads": 4,
    "num_hidden_layers": 3,
    "pad_token_id": 0,
}


def save_native(folder: Path) -> None:
    """A Mixtral of transformers' own architecture."""
    config = AutoConfig.for_model("mixtral", num_local_experts=6, num_experts_per_tok=2, **COMMON)
    torch.manual_seed(1)
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    model.save_pretrained(folder, max_shard_size="100KB")
    assert len(list(folder.glob("*.safetensors"))) > 1


def save_remote(folder: Path) -> None:
    """A model whose code comes with it."""
    spec = importlib.util.spec_from_file_location("modeling_pocket", REMOTE / "modeling_pocket.py")
    assert spec is not None
    assert spec.loader is not None
    code = importlib.util.module_from_spec(spec)
    sys.modules["modeling_pocket"] = code
    spec.loader.exec_module(code)
    code.PocketConfig.register_for_auto_class()
    code.PocketForCausalLM.register_for_auto_class("AutoModelForCausalLM")
    torch.manual_seed(2)
    code.PocketForCausalLM(code.PocketConfig()).save_pretrained(folder, max_shard_size="20KB")
    assert len(list(folder.glob("*.safetensors"))) > 1
    assert "auto_map" in json.loads((folder / "config.json").read_text(encoding="utf-8"))
