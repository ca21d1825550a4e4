"""The checks of `plot_topk_routing`."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from moelab_kit import Answer
from moelab_kit.drawing import same_values
from moelab_kit.figures import drawn
from moelab_kit.histograms import shows_histogram, shows_histograms
from reference.moe_router_analysis.plot_topk_routing import exercise


def routing_of(logits: torch.Tensor, top_k: int) -> dict[str, Any]:
    """A complete result of `simulate_topk_routing` for these logits."""
    best, chosen = logits.float().topk(top_k, dim=-1)
    weights = best.softmax(dim=-1)
    experts = logits.shape[1]
    counts = torch.bincount(chosen.flatten(), minlength=experts)
    sums = torch.zeros(experts).index_add(0, chosen.flatten(), weights.flatten())
    return {
        "top_indices": chosen,
        "routing_weights": weights,
        "expert_counts": dict(enumerate(counts.tolist())),
        "expert_weight_sums": dict(enumerate(sums.tolist())),
        "mean_first_expert_weight": weights[:, 0].mean().item(),
        "std_first_expert_weight": weights[:, 0].std().item(),
    }


TOKENS = 61


@exercise.law(points=1.5, proves=("counts", "weights", "ratio"))
def three_panels(answer: Answer, rng: np.random.Generator) -> None:
    """Three panels: counts with a dashed line, two histograms with a legend, and the ratios."""
    logits = torch.log(
        torch.tensor([[1.0, 4.0, 2.0], [3.0, 1.0, 9.0], [5.0, 1.0, 2.0], [1.0, 2.0, 3.0]])
    )
    logits *= torch.from_numpy(rng.uniform(0.8, 1.25, size=(4, 1))).float()
    drawing = drawn(answer(routing_of(logits, 2)))
    counts, weights, shares = drawing.first(3)
    assert counts.bars, "panel 1 has no bars: draw a bar for the count of each expert"
    heights = counts.bar_values(3)
    assert same_values(heights, np.array([2.0, 2.0, 4.0])), (
        "experts 0, 1 and 2 were chosen 2, 2 and 4 times, but the bars of panel 1 show "
        f"{', '.join(f'{height:.4g}' for height in heights)}"
    )
    assert any(line.dashed and line.orientation == "horizontal" for line in counts.lines), (
        "panel 1 has no dashed horizontal line: mark the count that means balance"
    )
    assert weights.bars or weights.steps, "panel 2 has no histogram: call `hist` for both weights"
    assert len({*weights.legend, *drawing.legend}) >= 2, (
        "panel 2 has no legend that tells the two histograms apart: give each a `label`, and call "
        "`legend`"
    )
    assert shares.bars or shares.steps, "panel 3 has no histogram of the ratios"


@exercise.law(
    points=1, proves=("counts", "labels", "every-expert", "unchanged", "figures"), hidden=True
)
def counts_and_labels(answer: Answer, shared_rng: np.random.Generator) -> None:
    """Every expert has its bar, the line lies at T · k / E, and all panels are labelled."""
    routing = _uneven(shared_rng)
    drawing = drawn(answer(routing))
    panel = drawing.first(3)[0]
    expected = np.array([float(count) for count in routing["expert_counts"].values()])
    assert same_values(panel.bar_values(12), expected), (
        "the bars do not show how often each expert was chosen, 0 for one that never was"
    )
    assert panel.has_dashed_line("horizontal", TOKENS * 3 / 12), (
        "no dashed horizontal line lies at the count that every expert has in perfect balance"
    )
    assert not drawing.unlabelled(3), drawing.unlabelled(3)
    assert not answer.left_behind, f"the call left something behind: {answer.left_behind}"


@exercise.law(points=1.5, proves=("weights", "one-thing"), hidden=True)
def weights_of_the_best_two(answer: Answer, shared_rng: np.random.Generator) -> None:
    """One panel holds the histograms of the first and of the second weight, with a legend."""
    routing = _uneven(shared_rng)
    weights = routing["routing_weights"].double().numpy()
    drawing = drawn(answer(routing))
    panel = drawing.first(2)[1]
    assert shows_histograms(panel, [weights[:, 0], weights[:, 1]]), (
        "panel 2 does not show the histograms of the first and of the second expert's weight: "
        "both whole, and no other"
    )
    assert len({*panel.legend, *drawing.legend}) >= 2, (
        "no legend tells the two histograms apart: each needs a label of its own"
    )


@exercise.law(points=1, proves=("ratio", "nothing-clipped"), hidden=True)
def ratios(answer: Answer, shared_rng: np.random.Generator) -> None:
    """The histogram of the ratios shows all of them, the largest too, and a dashed line at 1."""
    routing = _uneven(shared_rng)
    weights = routing["routing_weights"].double().numpy()
    panel = drawn(answer(routing)).first(3)[2]
    assert shows_histogram(panel, weights[:, 0] / weights[:, 1]), (
        "panel 3 does not show the histogram of first weight / second weight, with nothing clipped"
    )
    assert panel.has_dashed_line("vertical", 1.0), (
        "no dashed vertical line marks the ratio of two equal weights"
    )


def _uneven(rng: np.random.Generator) -> dict[str, Any]:
    """Three of twelve experts for each token; two are never chosen, and one ratio is very large."""
    logits = torch.from_numpy(rng.normal(size=(TOKENS, 12)))
    logits[:, 3:] -= torch.linspace(0, 2, 9)
    logits[:, [7, 11]] -= 100
    logits[0, 2] = logits[0].max() + 7
    return routing_of(logits, 3)
