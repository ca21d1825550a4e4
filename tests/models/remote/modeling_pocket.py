"""A model that brings its own code: a mixture of experts without attention, in a few lines."""

import torch
from torch import nn
from transformers import PretrainedConfig, PreTrainedModel
from transformers.modeling_outputs import CausalLMOutput


class PocketConfig(PretrainedConfig):
    model_type = "pocket_moe"

    def __init__(
        self,
        vocab_size=300,
        hidden_size=24,
        num_layers=2,
        num_experts=7,
        experts_per_token=3,
        **more,
    ):
        self.vocab_size = vocab_size
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.num_experts = num_experts
        self.experts_per_token = experts_per_token
        super().__init__(**more)


class PocketRouter(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.top_k = config.experts_per_token
        self.weight = nn.Parameter(torch.empty(config.num_experts, config.hidden_size))

    def forward(self, hidden):
        logits = nn.functional.linear(hidden, self.weight)
        weights, indices = logits.softmax(-1).topk(self.top_k)
        return logits, weights, indices


class PocketBlock(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.num_experts = config.num_experts
        self.gate = PocketRouter(config)
        self.experts = nn.ModuleList(
            nn.Linear(config.hidden_size, config.hidden_size, bias=False)
            for _ in range(config.num_experts)
        )

    def forward(self, hidden):
        flat = hidden.reshape(-1, hidden.shape[-1])
        _, weights, indices = self.gate(flat)
        outputs = torch.stack([expert(flat) for expert in self.experts], dim=1)
        chosen = outputs.gather(1, indices[..., None].expand(-1, -1, flat.shape[1]))
        return hidden + (weights[..., None] * chosen).sum(1).reshape(hidden.shape)


class PocketForCausalLM(PreTrainedModel):
    config_class = PocketConfig

    def __init__(self, config):
        super().__init__(config)
        self.embed = nn.Embedding(config.vocab_size, config.hidden_size)
        self.blocks = nn.ModuleList(PocketBlock(config) for _ in range(config.num_layers))
        self.head = nn.Linear(config.hidden_size, config.vocab_size, bias=False)
        self.post_init()

    def get_input_embeddings(self):
        return self.embed

    def _init_weights(self, module):
        for parameter in module.parameters(recurse=False):
            nn.init.normal_(parameter, 0.0, 1.0)

    def forward(self, input_ids, attention_mask=None, labels=None, **more):
        hidden = self.embed(input_ids)
        for block in self.blocks:
            hidden = block(hidden)
        return CausalLMOutput(logits=self.head(hidden))
