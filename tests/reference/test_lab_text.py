"""The lab's text: its cells run with the reference solutions, and its numbers are right."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lab_cells
import numpy as np
import pytest
import torch
import transformers
from transformers.models.mixtral.modeling_mixtral import load_balancing_loss_func

from reference.moe_router_analysis import assignment

SOLUTIONS = {exercise.name: exercise.solution_function for exercise in assignment.exercises}
NAIVE_PAGE = Path(__file__).parents[2] / "docs" / "the-naive-lab.md"


def says(file: str, *passages: str) -> bool:
    return lab_cells.says(assignment, file, *passages)


@pytest.fixture(scope="module")
def lab_names() -> Iterator[dict[str, Any]]:
    """The names that all code cells leave behind, run in order with the reference solutions."""
    with lab_cells.names_after_all_cells(assignment) as names:
        yield names


def test_every_file_of_prose_is_used_and_every_cell_runs(lab_names: dict[str, Any]) -> None:
    files = {path.name for path in (assignment.folder / "prose").glob("*.md")}
    assert files == set(lab_cells.prose_of(assignment))
    assert {"weights", "load", "scenarios", "logits", "histories"} <= lab_names.keys()


def test_the_first_picture_and_the_first_cell_stand_within_300_words() -> None:
    opening, cell, _ = lab_cells.text_of(assignment, "introduction.md").split("```", 2)
    assert "](pictures/token.png)" in opening
    assert cell.startswith("python\n")
    assert len(opening.split()) < 300


def test_the_naive_ways_of_the_notebook_are_those_of_the_page() -> None:
    def rows(text: str) -> list[list[str]]:
        lines = [line for line in text.splitlines() if line.startswith("| ")]
        return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]

    page = {row[0].strip("*[").partition("](")[0]: row[1:] for row in rows(NAIVE_PAGE.read_text())}
    ours = [row for row in rows(lab_cells.text_of(assignment, "rules.md")) if row[0] in page]
    ours = [row for row in ours if row[0] != "---"]
    assert len(ours) == 7, "a row of families, and six ways"
    assert all(row[1:] == page[row[0]] for row in ours)


def test_the_tiny_model_is_as_described(lab_names: dict[str, Any]) -> None:
    routers = SOLUTIONS["find_router_layers"](lab_names["model"])
    config = lab_names["model"].config
    assert (len(routers), config.num_experts, config.num_experts_per_tok) == (3, 12, 3)
    assert says("introduction.md", "3 MoE layers of 12 experts, 3 of them per token")
    load = lab_names["load"]
    chance = math.sqrt(load["expected_per_expert"] * (1 - load["top_k"] / load["num_experts"]))
    assert (f"{chance:.1f}", round(load["actual_std"])) == ("8.7", 69)
    assert says("load_numbers.md", "is 69, where chance alone would give about 9", "from 69 to 28")
    assert round(float(lab_names["counts"].double().std(correction=0))) == 28
    assert f"{load['load_balance_score']:.2f}" == "0.31"
    assert says("load_pictures.md", "The score is 0.31.", "on the same 402 tokens", "\\approx 0.91")
    assert (load["total_tokens"], f"{1 - chance / 100.5:.2f}") == (402, "0.91")
    favourites = []
    for text in lab_names["texts"]:
        counts = SOLUTIONS["analyze_load_distribution"](
            lab_names["model"], lab_names["tokenizer"], [text]
        )["expert_counts"]
        favourites.append(set(sorted(counts, key=counts.get)[-3:]))
    assert favourites.count({2, 3, 7}) == 4
    assert all({2, 7} <= three for three in favourites)
    lengths = lab_names["hidden"].norm(dim=1)
    assert f"{float(lengths.std() / lengths.mean()):.1%}" == "1.8%"
    norms = SOLUTIONS["router_weight_statistics"](lab_names["weights"])["norms"]
    second = int(norms.argsort(descending=True)[1])
    assert load["expert_counts"][second] < load["expected_per_expert"]


def test_chance_and_neighbours_are_as_told(lab_names: dict[str, Any]) -> None:
    _, chosen = lab_names["x"].matmul(lab_names["W"].T).topk(2)
    counts = torch.bincount(chosen.flatten(), minlength=8).tolist()
    assert (counts.count(0), counts.count(2)) == (1, 3)
    assert round(8 * (1 - 2 / 8) ** 5) == 2  # idle on average, by chance
    found = lab_names["found"]
    nearest = found["most_similar"].tolist()
    assert (nearest[0], nearest[8]) == (8, 4)
    assert f"{found['similarity'].fill_diagonal_(-1).max():.2f}" == "0.39"


def test_training_the_routers_improves_their_balance(lab_names: dict[str, Any]) -> None:
    first, *_, last = lab_names["histories"][1.0]
    for layer in range(3):
        key = f"router/layer_{layer}"
        assert last[f"{key}/entropy"] > first[f"{key}/entropy"]
        assert last[f"{key}/max_violation"] < first[f"{key}/max_violation"]
    losses = {alpha: lab_names["train_routers"](alpha)[1] for alpha in (0.0, 1.0)}
    assert (f"{losses[0.0]:.2f}", f"{losses[1.0]:.2f}") == ("5.10", "5.22")
    assert says("checkpoint.md", "(5.10 against 5.22)")


def test_the_sizes_of_real_models_are_right() -> None:
    with torch.device("meta"):
        mixtral = transformers.MixtralForCausalLM(transformers.MixtralConfig())
        olmoe = transformers.OlmoeForCausalLM(transformers.OlmoeConfig(intermediate_size=1024))
    sizes = []
    for model, unused in ((mixtral, 1 - 2 / 8), (olmoe, 1 - 8 / 64)):
        total = sum(p.numel() for p in model.parameters())
        experts = sum(p.numel() for name, p in model.named_parameters() if ".experts." in name)
        sizes += [f"{total / 1e9:.1f}", f"{(total - unused * experts) / 1e9:.1f}"]
    assert sizes == ["46.7", "12.9", "6.9", "1.3"]
    assert says("introduction.md", "46.7 billion", "12.9 billion", "6.9 billion and uses 1.3")
    routers = sum(m.weight.numel() for _, m in SOLUTIONS["find_router_layers"](mixtral))
    assert routers == 32 * 8 * 4096
    assert round(sum(p.numel() for p in mixtral.parameters()) / routers, -3) == 45_000


def test_what_the_text_says_of_transformers_holds() -> None:
    for family in ("Mixtral", "Olmoe", "Qwen2Moe", "Qwen3Moe"):
        assert getattr(transformers, f"{family}Config")().output_router_logits is False
    assert not hasattr(transformers.utils.import_utils, "is_torch_fx_available")
    logits = torch.randn(4096, 8, generator=torch.Generator().manual_seed(0))
    for k in (1, 2, 4):
        theirs = float(load_balancing_loss_func((logits,), 8, k))
        ours = float(SOLUTIONS["compute_switch_loss"](logits, k))
        assert theirs == pytest.approx(k * ours, rel=1e-4)


def test_the_numbers_on_chance_and_weights_are_right() -> None:
    rng = np.random.default_rng(0)

    def thrown(tokens: int, k: int) -> np.ndarray:
        chosen = rng.random((tokens, 64)).argpartition(k, axis=1)[:, :k]
        return np.bincount(chosen.ravel(), minlength=64)

    few = np.stack([thrown(100, 2) for _ in range(300)])
    assert round(few.mean(), 1) == 3.1
    assert round(few.std(axis=1).mean(), 1) == 1.7
    assert round((few > 1.5 * 3.125).sum(axis=1).mean()) == 13
    assert round((few < 0.5 * 3.125).sum(axis=1).mean()) == 11
    assert round(float((1 - few.std(axis=1) / few.mean(axis=1)).mean()), 2) == pytest.approx(
        0.44, abs=0.011
    )
    assert round(math.sqrt(1250 * (1 - 8 / 64))) == 33
    assert round(1 - 33 / 1250, 2) == 0.97
    assert round(1 - math.sqrt(64 / 8 - 1), 2) == -1.65
    assert (round(1 / math.sqrt(32), 2), round(1 / math.sqrt(2048), 3)) == (0.18, 0.022)
    assert says("load.md", "3.1 tokens", "about 1.7", '13 "overloaded" and 11', "1,250 ± 33")


def test_the_blind_spots_of_the_losses_are_as_told(lab_names: dict[str, Any]) -> None:
    lab, switch = SOLUTIONS["compute_load_balancing_loss"], SOLUTIONS["compute_switch_loss"]
    hair = lab_names["by_a_hair"]
    assert (f"{lab(hair, 1):.4f}", f"{switch(hair, 1):.4f}") == ("1.0000", "1.0009")
    pushes = []
    for loss in (lab, switch):
        leaf = hair.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(loss(leaf, 1), leaf)
        pushes.append(float(gradient[:, 0].sum()))
    assert (f"{pushes[0]:.4f}", f"{pushes[1]:.2f}") == ("0.0002", "0.88")
    alarm = torch.log(torch.tensor([[0.9, 0.1], [0.45, 0.55]]))
    assert (f"{lab(alarm, 1):.2f}", f"{switch(alarm, 1):.2f}") == ("1.12", "1.00")
    low = torch.log(torch.tensor([[0.36, 0.35, 0.29]] * 6 + [[0.01, 0.50, 0.49]] * 4))
    assert f"{switch(low, 1):.2f}" == "0.89"
    assert says("loss_pictures.md", "1.0000", "1.0009", "0.88", "0.0002", "1.12", "0.89")
    assert torch.tensor(1001.0).bfloat16() == torch.tensor(1000.0).bfloat16()


def test_the_numbers_on_top_k_are_right() -> None:
    logits = torch.tensor([2.0, 1, 0, 0, 0, 0, 0, 0])
    before, after = logits.softmax(dim=0)[:2], logits[:2].softmax(dim=0)
    numbers = [f"{value:.3f}" for value in (*before, before.sum(), *after)]
    assert numbers == ["0.459", "0.169", "0.627", "0.731", "0.269"]
    assert says("top_k.md", "0.459 and 0.169", "0.627", "0.731 and 0.269", "2.72", "4.4 billion")
    assert (math.comb(8, 2), f"{math.comb(64, 8) / 1e9:.1f}") == (28, "4.4")


def test_before_anything_is_written_a_cell_works_or_says_what_is_not_written() -> None:
    ended = lab_cells.files_that_end_early(assignment)
    assert {"weight_pictures.md", "load_pictures.md", "checkpoint.md"} <= ended
    assert not {"introduction.md", "hooks.md", "clean_up.md"} & ended
