"""Lab 2.4.4 by a student who likes forward hooks, einsum and object-oriented matplotlib."""

import math
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

BLUE, RED, GREY = "tab:blue", "tab:red", "0.6"


class RouterTap:
    """Records what the routers of a model return, for as long as it is open."""

    def __init__(self, routers):
        self.logits = [[] for _ in routers]
        self.indices = [[] for _ in routers]
        self._handles = []
        for position, (_, router) in enumerate(routers):
            self._handles.append(router.register_forward_hook(self._recorder(position)))

    def _recorder(self, position):
        def record(module, args, output):
            logits, _weights, indices = output
            self.logits[position].append(logits)
            self.indices[position].append(indices)

        return record

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        for handle in self._handles:
            handle.remove()


@contextmanager
def evaluation_mode(model):
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield model
    finally:
        for module, mode in modes:
            module.training = mode


def find_router_layers(model):
    named = dict(model.named_modules())
    found = []
    for name, module in named.items():
        parent_name, _, leaf = name.rpartition(".")
        parent = named.get(parent_name)
        if leaf not in ("gate", "router") or not hasattr(parent, "experts"):
            continue
        weight = module._parameters.get("weight")
        if weight is not None and weight.dim() == 2 and weight.shape[0] >= 2:
            found.append((name, module))
    return found


def extract_router_weights(model, layer_idx=0):
    routers = find_router_layers(model)
    if not 0 <= layer_idx < len(routers):
        return None
    weight = routers[layer_idx][1].weight
    return weight.detach().clone().float()


def router_weight_statistics(router_weights):
    if router_weights.ndim != 2 or router_weights.shape[0] < 2:
        raise ValueError(f"expected weights [E, d] with E >= 2, got {tuple(router_weights.shape)}")
    w = router_weights.detach().double()
    norms = torch.einsum("ed,ed->e", w, w).sqrt()
    unit = torch.where(norms[:, None] > 0, w / norms.clamp_min(1e-30)[:, None], 0.0)
    similarity = torch.einsum("id,jd->ij", unit, unit)
    itself = torch.eye(len(w), dtype=torch.bool, device=w.device)
    return {
        "norms": norms.float(),
        "means": w.mean(dim=1).float(),
        "stds": w.std(dim=1, correction=1).float(),
        "similarity": similarity.float(),
        "most_similar": similarity.masked_fill(itself, -torch.inf).argmax(dim=1),
    }


def new_figure(columns, width=4.5):
    fig = Figure(figsize=(width * columns, 4), layout="constrained")
    FigureCanvasAgg(fig)
    return fig, [fig.add_subplot(1, columns, i + 1) for i in range(columns)]


def plot_router_weights(router_weights):
    stats = router_weight_statistics(router_weights)
    experts = range(len(stats["norms"]))
    fig, (a, b, c, d) = new_figure(4)

    a.bar(experts, stats["norms"].tolist(), color=BLUE)
    a.axhline(float(stats["norms"].mean()), linestyle="--", color="black", label="mean")
    a.set(title="Norm of each expert's row", xlabel="expert", ylabel="L2 norm")
    a.legend()

    image = b.imshow(
        router_weights.detach().float()[:, :100].cpu().numpy(), aspect="auto", cmap="RdBu"
    )
    b.set(title="Router weights", xlabel="dimension", ylabel="expert")
    fig.colorbar(image, ax=b)

    image = c.imshow(stats["similarity"].cpu().numpy(), vmin=-1, vmax=1, cmap="coolwarm")
    c.set(title="Cosine similarity", xlabel="expert", ylabel="expert")
    fig.colorbar(image, ax=c)

    d.bar(experts, stats["stds"].tolist(), color=BLUE)
    d.set(title="Spread of each row", xlabel="expert", ylabel="standard deviation")
    return fig


def analyze_load_distribution(model, tokenizer, texts, top_k=None, layer_idx=0):
    routers = find_router_layers(model)
    if not routers:
        return {}
    if not 0 <= layer_idx < len(routers):
        raise IndexError(f"layer_idx {layer_idx} of {len(routers)} routers")
    name, router = routers[layer_idx]
    num_experts = router.weight.shape[0]
    if top_k is not None and not 1 <= top_k <= num_experts:
        raise ValueError(f"top_k must be 1..{num_experts}")

    device = next(model.parameters()).device
    counts = torch.zeros(num_experts, dtype=torch.int64)
    total, k = 0, top_k
    for text in texts:
        encoded = tokenizer(text, return_tensors="pt")
        if encoded["input_ids"].numel() == 0:
            continue
        with torch.no_grad(), evaluation_mode(model), RouterTap([(name, router)]) as tap:
            model(**encoded.to(device))
        chosen = tap.indices[0][0]
        if top_k is not None:
            chosen = tap.logits[0][0].float().topk(top_k, dim=-1).indices
        real = encoded["attention_mask"].reshape(-1).bool()
        chosen = chosen[real].cpu()
        k = chosen.shape[1]
        total += len(chosen)
        counts += torch.einsum("tke->e", F.one_hot(chosen, num_experts))
    if total == 0:
        raise ValueError("the texts hold no tokens")

    counts_f = counts.double()
    mean, std = counts_f.mean().item(), counts_f.std(correction=0).item()
    return {
        "expert_counts": dict(enumerate(counts.tolist())),
        "total_tokens": total,
        "num_experts": num_experts,
        "top_k": k,
        "expected_per_expert": total * k / num_experts,
        "actual_mean": mean,
        "actual_std": std,
        "max_load": int(counts.max()),
        "min_load": int(counts.min()),
        "load_balance_score": 1 - std / (mean + 1e-8),
    }


def find_load_issues(load_stats, overloaded=1.5, underused=0.5):
    expected = load_stats["expected_per_expert"]
    counts = sorted(load_stats["expert_counts"].items())
    high = [(e, n) for e, n in counts if n > overloaded * expected]
    low = [(e, n) for e, n in counts if n < underused * expected]
    # sorted() is stable, so equal counts stay in order of the expert.
    return {
        "overloaded": sorted(high, key=lambda pair: -pair[1]),
        "underused": sorted(low, key=lambda pair: pair[1]),
    }


def plot_load_distribution(load_stats):
    issues = find_load_issues(load_stats)
    high = {expert for expert, _ in issues["overloaded"]}
    low = {expert for expert, _ in issues["underused"]}
    experts = sorted(load_stats["expert_counts"])
    counts = [load_stats["expert_counts"][e] for e in experts]
    expected = load_stats["expected_per_expert"]
    colors = [RED if e in high else GREY if e in low else BLUE for e in experts]

    fig, (left, right) = new_figure(2)
    left.bar(experts, counts, color=colors)
    left.axhline(expected, color="black", linestyle="--", label="expected")
    left.set_title("Tokens per expert")
    left.set_xlabel("expert")
    left.set_ylabel("tokens")
    left.legend()
    right.hist(counts, bins=20, color=BLUE, edgecolor="white")
    right.axvline(expected, color="black", linestyle="--", label="expected")
    right.set_title("Distribution of the load")
    right.set_xlabel("tokens per expert")
    right.set_ylabel("number of experts")
    right.legend()
    return fig


def check_top_k(top_k, num_experts):
    if top_k < 1 or top_k > num_experts:
        raise ValueError(f"top_k = {top_k}, but there are {num_experts} experts")


def mean_probabilities(router_logits):
    return torch.softmax(router_logits.float(), dim=-1).mean(dim=0)


def compute_load_balancing_loss(router_logits, top_k=2):
    tokens, num_experts = router_logits.shape
    check_top_k(top_k, num_experts)
    if tokens == 0:
        raise ValueError("no tokens")
    p = mean_probabilities(router_logits)
    return num_experts * torch.einsum("e,e->", p, p)


def compute_switch_loss(router_logits, top_k=2, token_mask=None):
    num_experts = router_logits.shape[-1]
    check_top_k(top_k, num_experts)
    logits = router_logits.float()
    if token_mask is not None:
        logits = logits[token_mask.to(logits.device).bool()]
    if logits.shape[0] == 0:
        return torch.zeros(())
    chosen = logits.detach().topk(top_k, dim=-1).indices
    f = F.one_hot(chosen, num_experts).float().mean(dim=(0, 1))
    return num_experts * torch.einsum("e,e->", f, mean_probabilities(logits))


def plot_loss_scenarios(scenarios):
    fig, axes = new_figure(len(scenarios))
    for ax, (title, logits) in zip(axes, scenarios.items(), strict=True):
        p = mean_probabilities(logits.detach())
        loss = compute_load_balancing_loss(logits.detach(), top_k=1).item()
        ax.bar(range(len(p)), p.tolist(), color=BLUE)
        ax.axhline(1 / len(p), color=RED, linestyle="--")
        ax.set_ylim(0, 1)
        ax.set_title(f"{title}\nloss = {loss:.2f}")
        ax.set_xlabel("expert")
        ax.set_ylabel("mean probability")
    return fig


def simulate_topk_routing(logits, top_k=2):
    tokens, num_experts = logits.shape
    check_top_k(top_k, num_experts)
    if tokens == 0:
        raise ValueError("no tokens")
    values, indices = logits.detach().float().topk(top_k, dim=-1, sorted=True)
    weights = values.softmax(dim=-1)
    counts = torch.bincount(indices.flatten(), minlength=num_experts)
    sums = torch.bincount(
        indices.flatten(), weights=weights.flatten().double(), minlength=num_experts
    )
    first = weights[:, 0]
    return {
        "top_indices": indices,
        "routing_weights": weights,
        "expert_counts": dict(enumerate(counts.tolist())),
        "expert_weight_sums": dict(enumerate(sums.tolist())),
        "mean_first_expert_weight": first.mean().item(),
        "std_first_expert_weight": first.std().item() if tokens > 1 else 0.0,
    }


def plot_topk_routing(routing):
    weights = routing["routing_weights"].float()
    tokens, k = weights.shape
    counts = routing["expert_counts"]
    fig, (a, b, c) = new_figure(3)
    a.bar(list(counts), list(counts.values()), color=BLUE)
    a.axhline(tokens * k / len(counts), color=RED, linestyle="--")
    a.set(title="Selections per expert", xlabel="expert", ylabel="tokens")
    first, second = weights[:, 0].tolist(), weights[:, 1].tolist()
    b.hist(first, bins=30, alpha=0.6, label="first expert")
    b.hist(second, bins=30, alpha=0.6, label="second expert")
    b.set(title="Routing weights", xlabel="weight", ylabel="tokens")
    b.legend()
    c.hist([x / y for x, y in zip(first, second, strict=True)], bins=30)
    c.axvline(1, color=RED, linestyle="--")
    c.set(title="How much the first dominates", xlabel="first / second", ylabel="tokens")
    return fig


def compare_top_k(logits, top_ks=(1, 2, 4)):
    result = {}
    for k in top_ks:
        routing = simulate_topk_routing(logits, k)
        result[k] = {
            "mean_first_expert_weight": routing["mean_first_expert_weight"],
            "std_first_expert_weight": routing["std_first_expert_weight"],
            "experts_used": sum(n > 0 for n in routing["expert_counts"].values()),
        }
    return result


def loss_with_load_balancing(model, input_ids, attention_mask=None, alpha=0.01):
    if attention_mask is None:
        attention_mask = torch.ones_like(input_ids)
    routers = find_router_layers(model)
    with RouterTap(routers) as tap:
        logits = model(input_ids=input_ids, attention_mask=attention_mask).logits.float()
    targets = input_ids[:, 1:].masked_fill(attention_mask[:, 1:] == 0, -100)
    cross_entropy = F.cross_entropy(
        logits[:, :-1].flatten(0, 1), targets.flatten(), ignore_index=-100
    )
    mask = attention_mask.flatten().bool()
    auxiliary = [
        compute_switch_loss(recorded[0], indices[0].shape[-1], mask)
        for recorded, indices in zip(tap.logits, tap.indices, strict=True)
    ]
    return cross_entropy + alpha * torch.stack(auxiliary).mean()


@torch.no_grad()
def monitor_expert_usage(model, batches):
    routers = find_router_layers(model)
    rows = []
    for batch in batches:
        row = {}
        if routers:
            with evaluation_mode(model), RouterTap(routers) as tap:
                model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"])
            mask = batch["attention_mask"].flatten().bool()
            for i, (_, router) in enumerate(routers):
                num_experts = router.weight.shape[0]
                chosen = tap.indices[i][0][mask].flatten()
                counts = torch.bincount(chosen, minlength=num_experts).double()
                share = counts / counts.sum()
                entropy = -torch.special.xlogy(share, share).sum().item() / math.log(num_experts)
                row[f"router/layer_{i}/max_violation"] = (counts.max() / counts.mean() - 1).item()
                row[f"router/layer_{i}/entropy"] = entropy
                row[f"router/layer_{i}/dead_experts"] = int((counts == 0).sum())
        rows.append(row)
    return rows


if __name__ == "__main__":
    generator = torch.Generator().manual_seed(0)
    print(compare_top_k(torch.randn(100, 8, generator=generator)))
