"""The eight MoE families at a tiny shape, and one dense model.

Numbers of experts, experts per token, layers and hidden sizes differ between the families, so that
code with one of them written in fails on another.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedModel

from moe_lab.planted import ChoiceRule
from moe_lab.tokenizer import BOS_ID, EOS_ID, PAD_ID, VOCABULARY

_SHARED: Mapping[str, Any] = MappingProxyType(
    {
        "vocab_size": VOCABULARY,
        "hidden_size": 32,
        "intermediate_size": 32,
        "num_attention_heads": 4,
        "num_key_value_heads": 4,
        "max_position_embeddings": 4096,
        "attention_dropout": 0.25,
        "tie_word_embeddings": False,
        "pad_token_id": PAD_ID,
        "bos_token_id": BOS_ID,
        "eos_token_id": EOS_ID,
    }
)
# A wrong use of the model's own auxiliary loss, or of training mode, must be visible.
_OWN_LOSS: Mapping[str, Any] = MappingProxyType({"router_aux_loss_coef": 0.25})
_LATENT_ATTENTION: Mapping[str, Any] = MappingProxyType(
    {
        "q_lora_rank": 16,
        "kv_lora_rank": 16,
        "qk_rope_head_dim": 8,
        "qk_nope_head_dim": 8,
        "v_head_dim": 8,
        "moe_intermediate_size": 16,
        "n_shared_experts": 1,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """One model family of transformers at a tiny shape.

    `rule` is how its routers choose experts; `router_layers` are the decoder layers with a router,
    which stands at `router_path` inside the layer.
    """

    name: str
    num_layers: int
    num_experts: int
    rule: ChoiceRule
    router_layers: tuple[int, ...]
    router_path: str
    settings: Mapping[str, Any]
    softmax: bool = False

    @property
    def router_names(self) -> tuple[str, ...]:
        """Qualified names of the routers in the causal language model, in layer order."""
        return tuple(f"model.layers.{layer}.{self.router_path}" for layer in self.router_layers)


FAMILIES: tuple[Family, ...] = (
    Family(
        name="mixtral",
        num_layers=3,
        num_experts=8,
        rule=ChoiceRule(top_k=2),
        router_layers=(0, 1, 2),
        router_path="mlp.gate",
        settings={"num_local_experts": 8, "router_jitter_noise": 0.9, **_OWN_LOSS},
        softmax=True,
    ),
    Family(
        name="olmoe",
        num_layers=3,
        num_experts=12,
        rule=ChoiceRule(top_k=3),
        router_layers=(0, 1, 2),
        router_path="mlp.gate",
        settings={"num_experts": 12, **_OWN_LOSS},
        softmax=True,
    ),
    Family(
        name="qwen2_moe",
        num_layers=4,
        num_experts=6,
        rule=ChoiceRule(top_k=2),
        router_layers=(1, 3),
        router_path="mlp.gate",
        settings={
            "num_experts": 6,
            "decoder_sparse_step": 2,
            "moe_intermediate_size": 16,
            "shared_expert_intermediate_size": 16,
            **_OWN_LOSS,
        },
        softmax=True,
    ),
    Family(
        name="qwen3_moe",
        num_layers=4,
        num_experts=10,
        rule=ChoiceRule(top_k=3),
        router_layers=(0, 2, 3),
        router_path="mlp.gate",
        settings={
            "num_experts": 10,
            "hidden_size": 64,
            "head_dim": 8,
            "mlp_only_layers": [1],
            "moe_intermediate_size": 16,
            "norm_topk_prob": True,
            "output_router_logits": True,  # then the model's own `loss` holds its auxiliary loss
            **_OWN_LOSS,
        },
        softmax=True,
    ),
    Family(
        name="deepseek_v2",
        num_layers=3,
        num_experts=8,
        rule=ChoiceRule(top_k=3, n_group=4, topk_group=2),
        router_layers=(1, 2),
        router_path="mlp.gate",
        settings={
            "n_routed_experts": 8,
            "first_k_dense_replace": 1,
            "topk_method": "group_limited_greedy",
            "routed_scaling_factor": 2.0,
            **_LATENT_ATTENTION,
        },
    ),
    Family(
        name="deepseek_v3",
        num_layers=4,
        num_experts=12,
        rule=ChoiceRule(top_k=3, n_group=4, topk_group=2, group_best=2, biased_sigmoid=True),
        router_layers=(1, 2, 3),
        router_path="mlp.gate",
        settings={"n_routed_experts": 12, "first_k_dense_replace": 1, **_LATENT_ATTENTION},
    ),
    Family(
        name="gpt_oss",
        num_layers=3,
        num_experts=4,
        rule=ChoiceRule(top_k=2),
        router_layers=(0, 1, 2),
        router_path="mlp.router",
        settings={"num_local_experts": 4, "head_dim": 8, **_OWN_LOSS},
    ),
    Family(
        name="granitemoe",
        num_layers=3,
        num_experts=5,
        rule=ChoiceRule(top_k=2),
        router_layers=(0, 1, 2),
        router_path="block_sparse_moe.router",
        settings={
            "num_local_experts": 5,
            "embedding_multiplier": 2.0,
            "residual_multiplier": 0.5,
            "attention_multiplier": 0.25,
            "logits_scaling": 4.0,
            **_OWN_LOSS,
        },
    ),
)


def family_named(name: str) -> Family:
    """The family of this name; `KeyError` where there is none."""
    for family in FAMILIES:
        if family.name == name:
            return family
    raise KeyError(name)


def deepened(name: str, num_layers: int) -> Family:
    """A family with this number of layers, a router in each."""
    layers = tuple(range(num_layers))
    return replace(family_named(name), num_layers=num_layers, router_layers=layers)


def build(family: Family, dtype: torch.dtype) -> PreTrainedModel:
    """Make the family's causal language model with transformers' own initial weights, on the CPU.

    torch's global random state is left as it was.
    """
    rule = family.rule
    settings: dict[str, Any] = {
        **_SHARED,
        "num_hidden_layers": family.num_layers,
        "num_experts_per_tok": rule.top_k,
        **family.settings,
    }
    if rule.n_group > 1:
        settings |= {"n_group": rule.n_group, "topk_group": rule.topk_group}
    return _from_settings(family.name, settings, dtype)


def build_dense(dtype: torch.dtype = torch.float32) -> PreTrainedModel:
    """Make a small Llama: a causal language model with `gate_proj` and without any router."""
    return _from_settings("llama", {**_SHARED, "num_hidden_layers": 2}, dtype)


def _from_settings(
    model_type: str, settings: Mapping[str, Any], dtype: torch.dtype
) -> PreTrainedModel:
    config = AutoConfig.for_model(model_type, **settings)
    with torch.random.fork_rng(devices=[]):
        model = AutoModelForCausalLM.from_config(config, dtype=dtype, attn_implementation="eager")
    return model.eval()
