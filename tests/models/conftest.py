"""Small models in folders, as a user would have them: a shape alone, and saved checkpoints."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from checkpoints import COMMON, save_native, save_remote

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
    folder = tmp_path_factory.mktemp("native")
    save_native(folder)
    return folder


@pytest.fixture(scope="session")
def remote(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("remote")
    save_remote(folder)
    return folder
