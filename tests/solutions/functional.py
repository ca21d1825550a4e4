# %% [markdown]
# # Lab 2.4.4, written with small typed functions
# Routers are read where they stand: by a pre-hook on their MoE block, which then asks the router
# again, or through `output_router_logits`.

# %%
from __future__ import annotations

import functools
import math
import operator
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import chain
from typing import Any, ParamSpec, TypeVar

import matplotlib.pyplot as plt
import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

P = ParamSpec("P")
R = TypeVar("R")

# %%
is_router: Callable[[nn.Module], bool] = lambda module: (  # noqa: E731
    isinstance(getattr(module, "top_k", None), int)
    and isinstance(getattr(module, "weight", None), nn.Parameter)
    and module.weight.ndim == 2
    and module.weight.shape[0] == getattr(module, "num_experts", None)
)


def find_router_layers(model: nn.Module) -> list[tuple[str, nn.Module]]:
    return [(name, module) for name, module in model.named_modules() if is_router(module)]


def extract_router_weights(model: nn.Module, layer_idx: int = 0) -> Tensor | None:
    weights = {i: router.weight for i, (_, router) in enumerate(find_router_layers(model))}
    return (
        None
        if layer_idx not in weights
        else weights[layer_idx].detach().to(torch.float32, copy=True)
    )


# %%
def in_float32(function: Callable[P, R]) -> Callable[P, R]:
    """Hand a function float32 copies of its floating-point tensors."""

    def convert(value: Any) -> Any:
        return value.float() if isinstance(value, Tensor) and value.is_floating_point() else value

    @functools.wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        return function(*map(convert, args), **{k: convert(v) for k, v in kwargs.items()})

    return wrapper


def evaluating(function: Callable[P, R]) -> Callable[P, R]:
    """Run a function of a model in evaluation mode, and put every module back afterwards."""

    @functools.wraps(function)
    def wrapper(model: nn.Module, *args: P.args, **kwargs: P.kwargs) -> R:
        training = [module for module in model.modules() if module.training]
        model.eval()
        try:
            return function(model, *args, **kwargs)
        finally:
            for module in training:
                module.training = True

    return wrapper


def require_top_k(top_k: int, num_experts: int) -> None:
    if top_k not in range(1, num_experts + 1):
        raise ValueError(f"{top_k=} is not in 1..{num_experts}")


# %%
@in_float32
def router_weight_statistics(router_weights: Tensor) -> dict[str, Tensor]:
    match router_weights.shape:
        case (experts, _) if experts >= 2:
            pass
        case shape:
            raise ValueError(f"not a matrix of two or more experts: {tuple(shape)}")
    w = router_weights.detach()
    cosine = functools.partial(nn.functional.cosine_similarity, dim=-1, eps=1e-14)
    similarity = torch.stack([cosine(row, w) for row in w])
    others = similarity - 3 * torch.eye(experts, device=w.device)
    return {
        "norms": torch.linalg.vector_norm(w, dim=1),
        "means": torch.mean(w, dim=1),
        "stds": torch.std(w, dim=1),
        "similarity": similarity,
        "most_similar": torch.tensor([int(row.argmax()) for row in others]),
    }


# %%
PALETTE = plt.get_cmap("viridis")


def decorate(ax: Any, title: str, xlabel: str, ylabel: str) -> None:
    for setter, text in ((ax.set_title, title), (ax.set_xlabel, xlabel), (ax.set_ylabel, ylabel)):
        setter(text)


def plot_router_weights(router_weights: Tensor) -> Figure:
    stats = router_weight_statistics(router_weights)
    norms, stds = (stats[key].tolist() for key in ("norms", "stds"))
    fig, axes = plt.subplots(nrows=4, figsize=(6, 16))
    axes[0].bar([f"E{i}" for i, _ in enumerate(norms)], norms)
    axes[0].hlines(sum(norms) / len(norms), *axes[0].get_xlim(), linestyles="--")
    axes[1].matshow(router_weights.detach().float()[:, :100], aspect="auto")
    axes[2].matshow(stats["similarity"])
    axes[3].bar([f"E{i}" for i, _ in enumerate(stds)], stds)
    for ax, title, x, y in zip(
        axes,
        ("Norms", "Weights", "Similarity", "Spread"),
        ("expert", "column", "expert", "expert"),
        ("‖w‖₂", "expert", "expert", "σ"),
        strict=True,
    ):
        decorate(ax, title, x, y)
    return fig


# %%
@dataclass(frozen=True)
class Routing:
    """One router's answer for one batch."""

    logits: Tensor
    indices: Tensor

    @property
    def num_experts(self) -> int:
        return self.logits.shape[-1]

    @property
    def top_k(self) -> int:
        return self.indices.shape[-1]

    def chosen(self, mask: Tensor) -> Tensor:
        return self.indices[mask.flatten().to(self.indices.device) == 1]


@evaluating
@torch.no_grad()
def routings(model: nn.Module, **inputs: Tensor) -> list[Routing]:
    """Every router's decisions: catch what enters its MoE block, then ask the router itself."""
    modules = dict(model.named_modules())
    routers = find_router_layers(model)
    entered: dict[str, Tensor] = {}

    def catcher(name: str) -> Callable[[nn.Module, tuple[Tensor, ...]], None]:
        return lambda _, args: operator.setitem(entered, name, args[0])

    handles = [
        modules[name.rpartition(".")[0]].register_forward_pre_hook(catcher(name))
        for name, _ in routers
    ]
    try:
        model(**inputs)
    finally:
        [handle.remove() for handle in handles]
    answers = ((router, entered[name].flatten(0, 1)) for name, router in routers)
    return [Routing(logits, indices) for logits, _, indices in (r(x) for r, x in answers)]


@dataclass
class LoadStatistics:
    expert_counts: dict[int, int]
    total_tokens: int
    num_experts: int
    top_k: int
    expected_per_expert: float = field(init=False)
    actual_mean: float = field(init=False)
    actual_std: float = field(init=False)
    max_load: int = field(init=False)
    min_load: int = field(init=False)
    load_balance_score: float = field(init=False)

    def __post_init__(self) -> None:
        loads = list(self.expert_counts.values())
        self.expected_per_expert = self.total_tokens * self.top_k / self.num_experts
        self.actual_mean = sum(loads) / len(loads)
        self.actual_std = math.sqrt(sum((n - self.actual_mean) ** 2 for n in loads) / len(loads))
        self.max_load, self.min_load = max(loads), min(loads)
        self.load_balance_score = 1 - self.actual_std / (self.actual_mean + 1e-8)


def analyze_load_distribution(
    model: nn.Module,
    tokenizer: Any,
    texts: Sequence[str],
    top_k: int | None = None,
    layer_idx: int = 0,
) -> dict[str, Any]:
    if not (routers := find_router_layers(model)):
        return {}
    if not 0 <= layer_idx < len(routers):
        raise IndexError(layer_idx)
    num_experts = len(routers[layer_idx][1].weight)
    if top_k is not None:
        require_top_k(top_k, num_experts)

    device = next(model.parameters()).device
    encoded = (tokenizer(text, return_tensors="pt") for text in texts)
    batches = [batch.to(device) for batch in encoded if batch["attention_mask"].sum() > 0]
    if not batches:
        raise ValueError("no text has a token")
    layers = [routings(model, **batch)[layer_idx] for batch in batches]
    decisions = [
        routing.chosen(batch["attention_mask"])
        if top_k is None
        else routing.logits[batch["attention_mask"].flatten() == 1].topk(top_k).indices
        for routing, batch in zip(layers, batches, strict=True)
    ]
    chosen = torch.cat(decisions)
    counts = {e: int((chosen == e).sum()) for e in range(num_experts)}
    return asdict(LoadStatistics(counts, chosen.shape[0], num_experts, chosen.shape[1]))


# %%
def find_load_issues(
    load_stats: Mapping[str, Any], overloaded: float = 1.5, underused: float = 0.5
) -> dict[str, list[tuple[int, int]]]:
    by_load = sorted((count, expert) for expert, count in load_stats["expert_counts"].items())
    expected = load_stats["expected_per_expert"]
    return {
        "overloaded": sorted(
            ((e, n) for n, e in by_load if n > overloaded * expected), key=lambda p: (-p[1], p[0])
        ),
        "underused": [(e, n) for n, e in by_load if n < underused * expected],
    }


def plot_load_distribution(load_stats: Mapping[str, Any]) -> Figure:
    issues = find_load_issues(load_stats)
    shade = dict.fromkeys(load_stats["expert_counts"], 0.5)
    shade |= {expert: 0.95 for expert, _ in issues["overloaded"]}
    shade |= {expert: 0.05 for expert, _ in issues["underused"]}
    expected = load_stats["expected_per_expert"]

    fig, (bars, histogram) = plt.subplots(1, 2)
    for expert, count in load_stats["expert_counts"].items():
        bars.bar(expert, count, color=PALETTE(shade[expert]))
    bars.plot([*load_stats["expert_counts"]], [expected] * len(shade), "--", color="black")
    counts = list(load_stats["expert_counts"].values())
    histogram.hist(counts, bins=range(min(counts), max(counts) + 2), align="left")
    histogram.axvline(expected, dashes=(4, 2), color="black")
    decorate(bars, "Load", "expert", "tokens")
    decorate(histogram, "How loads are spread", "tokens", "experts")
    return fig


# %%
@in_float32
def compute_load_balancing_loss(router_logits: Tensor, top_k: int = 2) -> Tensor:
    tokens, num_experts = router_logits.size()
    require_top_k(top_k, num_experts)
    if not tokens:
        raise ValueError("there are no tokens")
    p = router_logits.log_softmax(-1).exp().sum(0) / tokens
    return torch.dot(p, p).mul(num_experts)


@in_float32
def compute_switch_loss(
    router_logits: Tensor, top_k: int = 2, token_mask: Tensor | None = None
) -> Tensor:
    num_experts = router_logits.size(-1)
    require_top_k(top_k, num_experts)
    if token_mask is None:
        token_mask = router_logits.new_ones(len(router_logits))
    keep = token_mask.to(router_logits)[:, None]
    if not keep.any():
        return router_logits.new_zeros(())
    selected = torch.zeros_like(router_logits).scatter(1, router_logits.topk(top_k).indices, 1.0)
    average = lambda x: (x * keep).sum(0) / keep.sum()  # noqa: E731
    f, p = average(selected) / top_k, average(router_logits.softmax(-1))
    return num_experts * (f.detach() @ p)


def plot_loss_scenarios(scenarios: Mapping[str, Tensor]) -> Figure:
    fig, axes = plt.subplots(1, len(scenarios), sharey=True, squeeze=False)
    for ax, title in zip(axes.flat, scenarios, strict=True):
        logits = scenarios[title].detach().float()
        p = logits.softmax(-1).mean(0)
        ax.bar(torch.arange(len(p)), p, edgecolor="black")
        ax.axhline(p.numel() ** -1, ls="dashed")
        ax.set(ylim=(0, 1))
        decorate(ax, f"{title}: loss {compute_load_balancing_loss(logits, 1):.2f}", "expert", "P")
    fig.tight_layout()
    return fig


# %%
@torch.no_grad()
@in_float32
def simulate_topk_routing(logits: Tensor, top_k: int = 2) -> dict[str, Any]:
    tokens, num_experts = logits.shape
    require_top_k(top_k, num_experts)
    if tokens < 1:
        raise ValueError("there are no tokens")
    ranked = logits.sort(dim=-1, descending=True)
    indices, best = (part[:, :top_k] for part in (ranked.indices, ranked.values))
    weights = torch.softmax(best, -1)
    zeros = torch.zeros(num_experts, dtype=torch.float64)
    sums = zeros.index_add(0, indices.flatten(), weights.flatten().double())
    counts = zeros.long().index_add(0, indices.flatten(), torch.ones(indices.numel()).long())
    spread, mean = torch.std_mean(weights[:, 0], correction=min(1, tokens - 1))
    return {
        "top_indices": indices,
        "routing_weights": weights,
        "expert_counts": dict(enumerate(counts.unbind())),
        "expert_weight_sums": dict(enumerate(sums.unbind())),
        "mean_first_expert_weight": mean,
        "std_first_expert_weight": spread,
    }


def plot_topk_routing(routing: Mapping[str, Any]) -> Figure:
    weights: Tensor = routing["routing_weights"]
    counts = [int(routing["expert_counts"][e]) for e in sorted(routing["expert_counts"])]
    fig, (load, both, ratio) = plt.subplots(1, 3, figsize=(12, 3.5), layout="tight")
    load.bar(range(len(counts)), counts)
    load.axhline(math.prod(weights.shape) / len(counts), ls=(0, (5, 5)))
    both.hist([weights[:, 0].numpy(), weights[:, 1].numpy()], label=["first", "second"])
    both.legend()
    ratio.hist((weights[:, 0] / weights[:, 1]).numpy(), cumulative=False)
    ratio.axvline(1.0, linestyle="--", c="k")
    decorate(load, "Load", "expert", "tokens")
    decorate(both, "Weights", "weight", "tokens")
    decorate(ratio, "First over second", "ratio", "tokens")
    return fig


def compare_top_k(
    logits: Tensor, top_ks: Iterable[int] = (1, 2, 4)
) -> dict[int, dict[str, float | int]]:
    wanted = ("mean_first_expert_weight", "std_first_expert_weight")
    runs = {k: simulate_topk_routing(logits, k) for k in top_ks}
    return {
        k: {name: float(run[name]) for name in wanted}
        | {"experts_used": len(set(run["top_indices"].flatten().tolist()))}
        for k, run in runs.items()
    }


# %%
def loss_with_load_balancing(
    model: nn.Module,
    input_ids: Tensor,
    attention_mask: Tensor | None = None,
    alpha: float = 0.01,
) -> Tensor:
    mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask
    out = model(input_ids=input_ids, attention_mask=mask, output_router_logits=True)
    is_target = mask[:, 1:].bool()
    predictions = out.logits[:, :-1][is_target].float()
    cross_entropy = nn.functional.cross_entropy(predictions, input_ids[:, 1:][is_target])
    switch = functools.partial(
        compute_switch_loss, top_k=model.config.num_experts_per_tok, token_mask=mask.reshape(-1)
    )
    losses = [switch(logits) for logits in out.router_logits]
    return cross_entropy + alpha * sum(losses) / len(losses)


# %%
def usage(layer: int, routing: Routing, mask: Tensor) -> Iterator[tuple[str, float]]:
    counts = routing.chosen(mask).flatten().bincount(minlength=routing.num_experts).tolist()
    shares = [count / sum(counts) for count in counts]
    entropy = sum(-share * math.log(share, len(counts)) for share in shares if share)
    pattern = re.compile(r"\?").sub(str(layer), "router/layer_?/{}")
    yield pattern.format("max_violation"), max(shares) * len(shares) - 1
    yield pattern.format("entropy"), entropy
    yield pattern.format("dead_experts"), counts.count(0)


def monitor_expert_usage(
    model: nn.Module, batches: Iterable[Mapping[str, Tensor]]
) -> list[dict[str, float]]:
    if not find_router_layers(model):
        return [{} for _ in batches]

    def row(*, input_ids: Tensor, attention_mask: Tensor, **_: Any) -> dict[str, float]:
        layers = routings(model, input_ids=input_ids, attention_mask=attention_mask)
        entries = (usage(i, routing, attention_mask) for i, routing in enumerate(layers))
        return dict(chain.from_iterable(entries))

    return [row(**batch) for batch in batches]
