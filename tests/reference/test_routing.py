"""What counts as a router, on modules made for the purpose."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from reference.moe_router_analysis._decisions import evaluating, watching
from reference.moe_router_analysis._routing import find_routers

HIDDEN, EXPERTS = 12, 6


class FeedForward(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(HIDDEN, width)
        self.up_proj = nn.Linear(HIDDEN, width)
        self.down_proj = nn.Linear(width, HIDDEN)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.down_proj(self.gate_proj(x).relu() * self.up_proj(x))


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.q_proj = nn.Linear(HIDDEN, HIDDEN)
        self.gate = nn.Linear(HIDDEN, EXPERTS)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.q_proj(x)


class ListOfExperts(nn.Module):
    """The older style: a linear gate, and experts as separate modules."""

    top_k = 2

    def __init__(self) -> None:
        super().__init__()
        self.shared_expert = FeedForward(EXPERTS)
        self.shared_expert_gate = nn.Linear(HIDDEN, 1)
        self.gate = nn.Linear(HIDDEN, EXPERTS, bias=False)
        self.experts = nn.ModuleList(FeedForward(EXPERTS) for _ in range(EXPERTS))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        weights, chosen = self.gate(x).softmax(dim=-1).topk(self.top_k)
        outputs = torch.stack([expert(x) for expert in self.experts], dim=1)
        picked = outputs.gather(1, chosen[..., None].expand(-1, -1, HIDDEN))
        return (picked * weights[..., None]).sum(dim=1) + self.shared_expert(x)


class Layer(nn.Module):
    def __init__(self, feed_forward: nn.Module) -> None:
        super().__init__()
        self.attention = Attention()
        self.mlp = feed_forward

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.mlp(self.attention(x))


def model_of(*feed_forwards: nn.Module) -> nn.Sequential:
    return nn.Sequential(*(Layer(feed_forward) for feed_forward in feed_forwards))


def test_a_linear_gate_beside_a_list_of_experts_is_a_router() -> None:
    model = model_of(FeedForward(EXPERTS), ListOfExperts(), ListOfExperts())
    assert [router.name for router in find_routers(model)] == ["1.mlp.gate", "2.mlp.gate"]


def test_a_gate_of_attention_or_of_a_feed_forward_network_is_no_router() -> None:
    assert find_routers(model_of(FeedForward(EXPERTS), FeedForward(HIDDEN))) == []


def test_a_block_that_is_used_twice_has_one_router() -> None:
    block = ListOfExperts()
    [router] = find_routers(model_of(block, block))
    assert router.name == "0.mlp.gate"


def test_without_indices_in_its_output_a_router_takes_its_largest_logits() -> None:
    torch.manual_seed(0)
    model = model_of(ListOfExperts())
    [router] = find_routers(model)
    tokens = torch.randn(5, HIDDEN)
    with watching([router]) as seen, torch.no_grad():
        model(tokens)
    [call] = seen[router.module]
    decision = call.decision()
    _, chosen = decision.logits.topk(2)
    expected = torch.bincount(chosen[1:].flatten(), minlength=EXPERTS)
    real = torch.tensor([False, True, True, True, True])
    assert decision.counts(real).tolist() == expected.tolist()


def test_a_router_that_saw_other_tokens_than_the_batch_holds_is_an_error() -> None:
    model = model_of(ListOfExperts())
    [router] = find_routers(model)
    with watching([router]) as seen, torch.no_grad():
        model(torch.randn(5, HIDDEN))
    with pytest.raises(RuntimeError, match="saw 5 tokens"):
        seen[router.module][0].decision().counts(torch.ones(7, dtype=torch.bool))


def test_hooks_are_removed_when_the_forward_raises() -> None:
    model: Any = model_of(ListOfExperts())
    routers = find_routers(model)
    with pytest.raises(RuntimeError), watching(routers):
        model(torch.randn(5, HIDDEN + 1))
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())


def test_each_module_gets_its_own_mode_back() -> None:
    model = model_of(ListOfExperts()).train()
    model[0].attention.eval()
    with evaluating(model):
        assert not any(module.training for module in model.modules())
    assert model[0].mlp.training
    assert not model[0].attention.training
