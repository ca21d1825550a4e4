"""Small models in folders, as a user would have them: a shape alone, and saved checkpoints."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM

HERE = Path(__file__).parent
COMMON = {
    "vocab_size": 320,
    "hidden_size": 64,
    "intermediate_size": 32,
    "moe_intermediate_size": 16,
    "num_attention_heads": 4,
    "num_key_value_heads": 4,
    "num_hidden_layers": 3,
    "pad_token_id": 0,
}
LATENT = {"kv_lora_rank": 16, "qk_rope_head_dim": 8, "qk_nope_head_dim": 8, "v_head_dim": 8}
SHAPES: dict[str, dict[str, Any]] = {
    "olmoe": {"num_experts": 64, "num_experts_per_tok": 8},
    "qwen3_moe": {"num_experts": 128, "num_experts_per_tok": 8, "head_dim": 16},
    "gpt_oss": {"num_local_experts": 32, "num_experts_per_tok": 4, "head_dim": 16},
    "deepseek_v2": {
        "n_routed_experts": 64,
        "num_experts_per_tok": 6,
        "first_k_dense_replace": 1,
        "q_lora_rank": None,
        **LATENT,
    },
    "deepseek_v3": {
        "n_routed_experts": 64,
        "num_experts_per_tok": 6,
        "first_k_dense_replace": 1,
        "q_lora_rank": 16,
        "n_group": 8,
        "topk_group": 4,
        **LATENT,
    },
}


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def shape(tmp_path: Path) -> Callable[..., Path]:
    """Makes a folder with a config alone."""

    def make(model_type: str, **changes: Any) -> Path:
        folder = tmp_path / f"shape-{model_type}"
        folder.mkdir(exist_ok=True)
        config = {"model_type": model_type, **COMMON, **SHAPES[model_type], **changes}
        (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
        return folder

    return make


@pytest.fixture(scope="session")
def native(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Mixtral saved in several safetensors files."""
    config = AutoConfig.for_model("mixtral", num_local_experts=6, num_experts_per_tok=2, **COMMON)
    torch.manual_seed(1)
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    folder = tmp_path_factory.mktemp("native")
    model.save_pretrained(folder, max_shard_size="100KB")
    assert len(list(folder.glob("*.safetensors"))) > 1
    return folder


@pytest.fixture(scope="session")
def remote(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model whose code comes with it, saved in several safetensors files."""
    spec = importlib.util.spec_from_file_location(
        "modeling_pocket", HERE / "remote" / "modeling_pocket.py"
    )
    assert spec is not None
    assert spec.loader is not None
    code = importlib.util.module_from_spec(spec)
    sys.modules["modeling_pocket"] = code
    spec.loader.exec_module(code)
    code.PocketConfig.register_for_auto_class()
    code.PocketForCausalLM.register_for_auto_class("AutoModelForCausalLM")
    torch.manual_seed(2)
    folder = tmp_path_factory.mktemp("remote")
    code.PocketForCausalLM(code.PocketConfig()).save_pretrained(folder, max_shard_size="20KB")
    assert len(list(folder.glob("*.safetensors"))) > 1
    assert "auto_map" in json.loads((folder / "config.json").read_text(encoding="utf-8"))
    return folder
