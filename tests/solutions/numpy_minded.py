"""Lab 2.4.4 by a student who thinks in NumPy arrays and pyplot."""

import collections

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.patches import Rectangle

LOAD_COLOURS = {"over": "#d62728", "under": (1.0, 0.75, 0.1), "fine": "g"}


def as_array(tensor):
    """Any tensor as float64 NumPy; bfloat16 has no NumPy dtype."""
    return tensor.detach().to("cpu", torch.float64).numpy()


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def find_router_layers(model):
    out = []
    for name, module in model.named_modules():
        # In transformers 5 every router is a module of a class of its own: MixtralTopKRouter, ...
        if not type(module).__name__.lower().endswith("router"):
            continue
        shapes = {n: np.shape(p) for n, p in module.named_parameters(recurse=False)}
        if len(shapes.get("weight", ())) == 2:
            out.append((name, module))
    return out


def extract_router_weights(model, layer_idx=0):
    routers = find_router_layers(model)
    if layer_idx < 0 or layer_idx >= len(routers):
        return None
    return torch.tensor(as_array(routers[layer_idx][1].weight), dtype=torch.float32)


def router_weight_statistics(router_weights):
    w = as_array(router_weights)
    if w.ndim != 2 or w.shape[0] < 2:
        raise ValueError("router weights must be a matrix with a row for each of 2 or more experts")
    norms = np.linalg.norm(w, axis=1)
    lengths = np.outer(norms, norms)
    similarity = np.divide(w @ w.T, lengths, out=np.zeros_like(lengths), where=lengths > 0)
    others = similarity.copy()
    np.fill_diagonal(others, -2.0)
    f32 = lambda x: torch.from_numpy(np.asarray(x, dtype=np.float32))  # noqa: E731
    return dict(  # noqa: C408
        norms=f32(norms),
        means=f32(w.mean(axis=1)),
        stds=f32(w.std(axis=1, ddof=1)),
        similarity=f32(similarity),
        most_similar=torch.from_numpy(others.argmax(axis=1).astype(np.int64)),
    )


def rectangles(heights, colours="steelblue"):
    """Bars by hand: one rectangle per expert."""
    ax = plt.gca()
    if isinstance(colours, str):
        colours = [colours] * len(heights)
    for x, (height, colour) in enumerate(zip(heights, colours)):  # noqa: B905
        ax.add_patch(Rectangle((x - 0.4, 0), 0.8, height, facecolor=colour))
    ax.set_xlim(-0.6, len(heights) - 0.4)
    ax.set_ylim(0, max(1e-9, max(heights)) * 1.1)


def label(title, x, y):
    plt.title(title)
    plt.xlabel(x)
    plt.ylabel(y)


def plot_router_weights(router_weights):
    stats = router_weight_statistics(router_weights)
    norms, stds = stats["norms"].numpy(), stats["stds"].numpy()
    fig = plt.figure(figsize=(12, 9))
    plt.subplot(2, 2, 1)
    rectangles(norms)
    plt.plot([-0.5, len(norms) - 0.5], [norms.mean()] * 2, "r--")
    label("Row norms", "Expert", "Norm")
    plt.subplot(2, 2, 2)
    plt.pcolormesh(as_array(router_weights)[:, :100])
    plt.colorbar()
    label("Weights (first 100 columns)", "Hidden dimension", "Expert")
    plt.subplot(2, 2, 3)
    plt.pcolormesh(stats["similarity"].numpy(), vmin=-1, vmax=1)
    plt.colorbar()
    label("Cosine similarity of experts", "Expert", "Expert")
    plt.subplot(2, 2, 4)
    rectangles(stds)
    label("Standard deviation of rows", "Expert", "Std")
    plt.tight_layout()
    return fig


def run_model(model, routers, **inputs):
    """What each router returned in one evaluation forward without gradients."""
    seen = {}
    hooks = []
    was_training = {m: m.training for m in model.modules()}
    try:
        for name, module in routers:

            def keep(mod, inp, out, name=name):
                seen[name] = (as_array(out[0]), out[2].cpu().numpy())

            hooks.append(module.register_forward_hook(keep))
        model.eval()
        with torch.no_grad():
            model(**inputs)
    finally:
        for hook in hooks:
            hook.remove()
        for m, training in was_training.items():
            m.training = training
    return [seen[name] for name, _ in routers]


def analyze_load_distribution(model, tokenizer, texts, top_k=None, layer_idx=0):
    routers = find_router_layers(model)
    if len(routers) == 0:
        return {}
    if layer_idx not in range(len(routers)):
        raise IndexError("no such router")
    num_experts = np.shape(routers[layer_idx][1].weight)[0]
    if top_k is not None and (top_k > num_experts or top_k < 1):
        raise ValueError("top_k must lie between 1 and the number of experts")
    texts = [t for t in texts if len(tokenizer(t)["input_ids"])]
    if not texts:
        raise ValueError("nothing to count: the texts have no tokens")

    batch = tokenizer(texts, return_tensors="pt", padding=True)
    batch = {k: v.to(model.device) for k, v in batch.items()}
    [(logits, indices)] = run_model(model, [routers[layer_idx]], **batch)
    mask = batch["attention_mask"].cpu().numpy().ravel() == 1
    best_first = np.argsort(-logits[mask], axis=1)
    chosen = indices[mask] if top_k is None else best_first[:, :top_k]
    tokens, k = chosen.shape

    counter = collections.Counter(chosen.ravel().tolist())
    counts = np.array([counter[e] for e in range(num_experts)])
    return {
        "expert_counts": {e: int(counts[e]) for e in range(num_experts)},
        "total_tokens": np.int64(tokens),
        "num_experts": num_experts,
        "top_k": k,
        "expected_per_expert": np.float64(tokens * k / num_experts),
        "actual_mean": counts.mean(),
        "actual_std": counts.std(),
        "max_load": counts.max(),
        "min_load": counts.min(),
        "load_balance_score": 1 - counts.std() / (counts.mean() + 1e-8),
    }


def find_load_issues(load_stats, overloaded=1.5, underused=0.5):
    n = load_stats["num_experts"]
    counts = np.array([load_stats["expert_counts"][e] for e in range(n)])
    expected = load_stats["expected_per_expert"]
    order = np.lexsort((np.arange(n), -counts))
    too_much = [(int(e), int(counts[e])) for e in order if counts[e] > overloaded * expected]
    order = np.lexsort((np.arange(n), counts))
    too_little = [(int(e), int(counts[e])) for e in order if counts[e] < underused * expected]
    return {"overloaded": too_much, "underused": too_little}


def plot_load_distribution(load_stats):
    n = load_stats["num_experts"]
    counts = np.array([load_stats["expert_counts"][e] for e in range(n)])
    expected = load_stats["expected_per_expert"]
    classes = [counts > 1.5 * expected, counts < 0.5 * expected]
    colours = np.select(classes, ["over", "under"], "fine")
    fig = plt.figure(figsize=(10, 4))
    plt.subplot(121)
    rectangles(counts, [LOAD_COLOURS[c] for c in colours])
    plt.hlines(expected, -0.5, n - 0.5, linestyles="dashed", colors="k")
    label("Load per expert", "Expert", "Routed tokens")
    plt.subplot(122)
    heights, edges = np.histogram(counts, bins=10)
    plt.bar(edges[:-1], heights, width=np.diff(edges), align="edge", edgecolor="k")
    plt.vlines(expected, 0, heights.max(), linestyles="dashed", colors="k")
    label("Histogram of loads", "Routed tokens", "Experts")
    return fig


def compute_load_balancing_loss(router_logits, top_k=2):
    T, E = router_logits.shape
    if not 1 <= top_k <= E or T < 1:
        raise ValueError("top_k or the number of tokens is out of range")
    probabilities = torch.softmax(router_logits.float(), 1)
    return E * probabilities.mean(0).square().sum()


def compute_switch_loss(router_logits, top_k=2, token_mask=None):
    T, E = router_logits.shape
    if top_k not in range(1, E + 1):
        raise ValueError("top_k out of range")
    logits = router_logits.float()
    real = np.ones(T) if token_mask is None else as_array(token_mask)
    if real.sum() == 0:
        return torch.tensor(0.0)
    best = np.argsort(-as_array(logits), axis=1, kind="stable")[:, :top_k]
    counts = np.zeros(E)
    np.add.at(counts, best, real[:, None])
    f = torch.as_tensor(counts / (real.sum() * top_k), dtype=torch.float32, device=logits.device)
    weights = torch.as_tensor(real / real.sum(), dtype=torch.float32, device=logits.device)
    p = weights @ torch.softmax(logits, dim=1)
    return E * (f * p).sum()


def plot_loss_scenarios(scenarios):
    fig = plt.figure(figsize=(4 * len(scenarios), 4))
    for number, (name, logits) in enumerate(scenarios.items(), start=1):
        p = softmax(as_array(logits)).mean(axis=0)
        plt.subplot(1, len(scenarios), number)
        rectangles(p)
        plt.ylim([0, 1])
        plt.plot([0, len(p) - 1], [1 / len(p), 1 / len(p)], ls="--", c="k")
        label("{}: {:.2f}".format(name, len(p) * np.sum(p**2)), "Expert", "P")  # noqa: UP032
    return fig


def simulate_topk_routing(logits, top_k=2):
    x = as_array(logits)
    T, E = x.shape
    if T == 0 or not 1 <= top_k <= E:
        raise ValueError("need tokens, and top_k from 1 to the number of experts")
    best = np.argsort(-x, axis=1)[:, :top_k]
    weights = softmax(np.take_along_axis(x, best, axis=1))
    counts = np.bincount(best.ravel(), minlength=E)
    sums = np.bincount(best.ravel(), weights=weights.ravel(), minlength=E)
    first = weights[:, 0]
    return {
        "top_indices": torch.from_numpy(best.copy()),
        "routing_weights": torch.from_numpy(weights.astype(np.float32)),
        "expert_counts": {e: counts[e] for e in range(E)},
        "expert_weight_sums": {e: sums[e] for e in range(E)},
        "mean_first_expert_weight": first.mean(),
        "std_first_expert_weight": np.float64(0) if T == 1 else first.std(ddof=1),
    }


def plot_topk_routing(routing):
    counts = np.array([routing["expert_counts"][e] for e in range(len(routing["expert_counts"]))])
    w = as_array(routing["routing_weights"])
    plt.figure(figsize=(15, 4))
    plt.subplot(131)
    rectangles(counts)
    plt.plot(np.linspace(-0.5, len(counts) - 0.5), np.full(50, w.size / len(counts)), "--")
    label("Expert counts", "Expert", "Times selected")
    plt.subplot(132)
    bins = np.linspace(0, 1, 41)
    plt.hist(w[:, 0], bins, histtype="step", label="1st")
    plt.hist(w[:, 1], bins, histtype="step", label="2nd")
    plt.legend(loc="best")
    label("Weights of the two best experts", "Weight", "Tokens")
    plt.subplot(133)
    ratio = w[:, 0] / w[:, 1]
    plt.hist(ratio, bins="auto", density=True)
    plt.plot([1, 1], [0, plt.ylim()[1]], "k--")
    label("Ratio of weights", "First / second", "Density")
    return plt.gcf()


def compare_top_k(logits, top_ks=(1, 2, 4)):
    table = {}
    for k in top_ks:
        r = simulate_topk_routing(logits, top_k=k)
        table[k] = {
            "mean_first_expert_weight": r["mean_first_expert_weight"],
            "std_first_expert_weight": r["std_first_expert_weight"],
            "experts_used": np.unique(r["top_indices"].numpy()).size,
        }
    return table


def loss_with_load_balancing(model, input_ids, attention_mask=None, alpha=0.01):
    if attention_mask is None:
        attention_mask = torch.ones(input_ids.shape, dtype=torch.long, device=input_ids.device)
    routers = [router for _, router in find_router_layers(model)]
    logits_of = {}

    def keep(router, args, output):
        logits_of[router] = output[0]

    hooks = [router.register_forward_hook(keep) for router in routers]
    try:
        scores = model(input_ids, attention_mask=attention_mask).logits
    finally:
        for hook in hooks:
            hook.remove()

    log_p = torch.log_softmax(scores[:, :-1].float(), dim=-1)
    log_p = log_p.gather(2, input_ids[:, 1:, None])[:, :, 0]
    real = attention_mask[:, 1:].float()
    loss = -(log_p * real).sum() / real.sum()
    extra = 0.0
    for router in routers:
        mask = attention_mask.reshape(-1)
        extra = extra + compute_switch_loss(logits_of[router], router.top_k, mask)
    return loss + alpha * extra / len(routers)


def monitor_expert_usage(model, batches):
    routers = find_router_layers(model)
    log = []
    for batch in batches:
        entry = {}
        outputs = []
        if routers:
            kept = {key: batch[key] for key in ("input_ids", "attention_mask")}
            outputs = run_model(model, routers, **kept)
        real = np.flatnonzero(batch["attention_mask"].numpy().ravel())
        for i, (logits, indices) in enumerate(outputs):
            E = logits.shape[1]
            counts = np.bincount(indices[real].ravel(), minlength=E)
            p = counts[counts > 0] / counts.sum()
            entry[f"router/layer_{i}/max_violation"] = counts.max() / counts.mean() - 1
            entry[f"router/layer_{i}/entropy"] = -np.sum(p * np.log(p)) / np.log(E)
            entry[f"router/layer_{i}/dead_experts"] = np.count_nonzero(counts == 0)
        log.append(entry)
    return log
