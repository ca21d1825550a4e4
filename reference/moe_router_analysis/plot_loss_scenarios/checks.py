"""The checks of `plot_loss_scenarios`."""

from __future__ import annotations

import re

import numpy as np
import torch

from moe_lab.inputs import ranked_logits
from moelab_kit import Answer
from moelab_kit.drawing import Panel, same_values
from moelab_kit.figures import drawn
from reference.moe_router_analysis.plot_loss_scenarios import exercise

MOST_NUMBERS = 5  # in one title


def holds(title: str, number: str) -> bool:
    """Whether a title holds a number that is written just so, not as a part of a longer one.

    A title with many numbers tells none.
    """
    if len(re.findall(r"\d+\.\d+", title)) > MOST_NUMBERS:
        return False
    return re.search(rf"(?<![\d.]){re.escape(number)}(?![\d])", title) is not None


def without_spaces(text: str) -> str:
    return re.sub(r"\s", "", text)


@exercise.law(points=1.5, proves=("panels", "bars", "title"))
def two_scenarios(answer: Answer, rng: np.random.Generator) -> None:
    """A panel for each scenario: bars of the mean probability, and the loss in the title."""
    one, other = [8.0, 1.0, 1.0, 1.0, 1.0], [1.0, 8.0, 1.0, 1.0, 1.0]
    rows = torch.from_numpy(rng.normal(size=(4, 1))).float()  # changes no softmax
    scenarios = {
        "Balanced": rows[:3].repeat(1, 5),
        "Two favourites": torch.log(torch.tensor([one, other, one, other])) + rows,
    }
    panels = drawn(answer(scenarios)).first(2)
    expected = ([0.2, 0.2, 0.2, 0.2, 0.2], [0.375, 0.375, 1 / 12, 1 / 12, 1 / 12])
    losses = ("1.00", "1.51")
    for number, (title, panel) in enumerate(zip(scenarios, panels), start=1):
        assert panel.bars, f"panel {number} has no bars: draw the mean probability of each expert"
        heights = panel.bar_values(5)
        assert same_values(heights, np.array(expected[number - 1])), (
            f"{title}: the mean probabilities are "
            f"{', '.join(f'{value:.4g}' for value in expected[number - 1])}, but the bars show "
            f"{', '.join(f'{height:.4g}' for height in heights)}. Softmax over the experts, then "
            "the mean over the tokens?"
        )
        assert without_spaces(title) in without_spaces(panel.title), (
            f"the title of panel {number} is {panel.title!r}; it should hold {title!r}"
        )
        assert holds(panel.title, losses[number - 1]), (
            f"the title of panel {number} is {panel.title!r}; it should hold the value of "
            f"compute_load_balancing_loss, {losses[number - 1]}, with two decimals"
        )


@exercise.law(points=1, proves=("bars", "line", "axis", "low-precision", "left-alone"), hidden=True)
def bars_lines_and_limits(answer: Answer, rng: np.random.Generator) -> None:
    """Bars of the mean probabilities, a dashed line at 1/E, and a y axis from 0 to 1."""
    logits = ranked_logits(rng, 9, 7)
    half = ranked_logits(rng, 3, 7, torch.bfloat16)
    other = ranked_logits(rng, 300, 7, torch.float16)
    scenarios = {"a": logits, "b": half, "c": logits[:4], "d": other}
    panels = drawn(answer(scenarios)).first(4)
    for panel, scores in zip(panels, scenarios.values()):
        assert same_values(panel.bar_values(7), _mean_probabilities(scores), 3e-5), (
            "the bars do not show the mean probabilities, with the precision of float32"
        )
        assert panel.has_dashed_line("horizontal", 1 / 7), "no dashed horizontal line lies at 1/E"
        assert _from_zero_to_one(panel), "the y axis does not go from 0 to 1"
    assert not answer.left_behind, f"the call left something behind: {answer.left_behind}"


@exercise.law(points=1.5, proves=("panels", "title", "labels", "figures"), hidden=True)
def five_titles_and_labels(answer: Answer, rng: np.random.Generator) -> None:
    """Five panels, each with labels and a title that holds scenario and loss with two decimals."""
    skews = {"Noise": 0, "Slight skew": 1, "Skew": 3, "Few favourites": 6, "Collapsed": 12}
    names = rng.permutation(list(skews)).tolist()
    steps = torch.linspace(0, 1, 12)
    scenarios = {name: _clear_logits(rng, steps * skews[name]) for name in names}
    drawing = drawn(answer(scenarios))
    for panel, (name, logits) in zip(drawing.first(5), scenarios.items()):
        expected = _mean_probabilities(logits)
        assert same_values(panel.bar_values(12), expected), "the bars are not those of the scenario"
        assert without_spaces(name) in without_spaces(panel.title), (
            "a panel's title does not hold the title of its scenario"
        )
        assert holds(panel.title, f"{_loss(logits):.2f}"), (
            "a panel's title does not hold the value of the loss with two decimals"
        )
    assert not drawing.unlabelled(5), drawing.unlabelled(5)


@exercise.law(points=0.5, proves="any-scenarios", hidden=True)
def a_single_scenario(answer: Answer, rng: np.random.Generator) -> None:
    """One scenario gives one panel."""
    logits = ranked_logits(rng, 4, 3)
    (panel,) = drawn(answer({"alone": logits})).first(1)
    assert same_values(panel.bar_values(3), _mean_probabilities(logits)), (
        "the panel does not show the only scenario"
    )
    assert "alone" in panel.title, "the panel's title does not hold that of its scenario"


@exercise.law(points=0.5, proves=("any-scenarios", "title", "axis"), hidden=True)
def long_titles_and_collapsed_routers(answer: Answer, rng: np.random.Generator) -> None:
    """Titles may be long and E may differ; where one expert has all, the y axis still ends at 1."""
    experts = rng.permutation([3, 6, 9, 16]).tolist()
    words = rng.permutation(["after", "forty", "thousand", "steps", "without", "any", "loss"])
    titles = [f"Router {number}: {' '.join(words.tolist())}, part {number}" for number in range(4)]
    scenarios = {}
    for title, count in zip(titles, experts, strict=True):
        logits = ranked_logits(rng, 5, count)
        logits[:, int(rng.integers(count))] += 20
        scenarios[title] = logits
    panels = drawn(answer(scenarios)).first(4)
    for panel, (title, logits) in zip(panels, scenarios.items(), strict=True):
        assert same_values(panel.bar_values(logits.shape[1]), _mean_probabilities(logits)), (
            "the bars do not show the mean probabilities of a router that has collapsed"
        )
        assert panel.has_dashed_line("horizontal", 1 / logits.shape[1]), (
            "no dashed horizontal line lies at 1/E, where E is that of the scenario"
        )
        assert _from_zero_to_one(panel), "the y axis does not go from exactly 0 to 1"
        assert without_spaces(title) in without_spaces(panel.title), (
            "a panel's title does not hold the whole title of its scenario"
        )
        assert holds(panel.title.replace(title, ""), f"{_loss(logits):.2f}"), (
            "a panel's title does not hold the value of the loss with two decimals"
        )


def _mean_probabilities(logits: torch.Tensor) -> np.ndarray:
    return np.asarray(torch.softmax(logits.double(), dim=-1).mean(dim=0).numpy())


def _loss(logits: torch.Tensor) -> float:
    return logits.shape[1] * float(np.square(_mean_probabilities(logits)).sum())


def _from_zero_to_one(panel: Panel) -> bool:
    return bool(np.allclose(panel.ylim, (0.0, 1.0), atol=1e-3))


def _clear_logits(rng: np.random.Generator, skew: torch.Tensor) -> torch.Tensor:
    """Logits of 10 tokens whose loss is clearly rounded up to two decimals, not down."""
    while True:
        noise = torch.from_numpy(rng.normal(size=(10, len(skew))).astype(np.float32))
        logits = noise + skew
        if 0.6 < _loss(logits) * 100 % 1 < 0.95:
            return logits
