"""The trained model: its checkpoints load, and tell the story that the labs tell of them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional

from moe_lab import batch_of, load_model, training_race
from moe_lab.corpus import KINDS
from moe_lab.trained import FOLDER, STEPS, trained_model
from moe_lab.training import small_model


@pytest.fixture(scope="module")
def pieces() -> torch.Tensor:
    ids, _ = batch_of(np.random.default_rng(5), KINDS * 4, 48)
    return ids


def language_loss(model: torch.nn.Module, ids: torch.Tensor) -> float:
    with torch.no_grad():
        logits = model(input_ids=ids).logits
    return float(functional.cross_entropy(logits[:, :-1].flatten(0, 1), ids[:, 1:].flatten()))


def test_the_checkpoints_are_small_and_become_better_with_training(pieces: torch.Tensor) -> None:
    files = [FOLDER / f"step_{step}.safetensors" for step in STEPS]
    assert sum(file.stat().st_size for file in files) < 3_000_000
    losses = [language_loss(load_model("trained", step=step), pieces) for step in STEPS]
    assert losses[0] > losses[1] > losses[2]
    assert losses[0] == pytest.approx(np.log(259), abs=0.3)
    assert losses[2] < 2.6


def test_the_first_checkpoint_is_the_model_before_training() -> None:
    stored = trained_model(0).state_dict()
    for name, value in small_model().state_dict().items():
        assert torch.equal(value.half().float(), stored[name]), name


def test_a_trained_model_is_ready_for_use_and_a_copy_of_its_own() -> None:
    model = load_model("trained")
    assert not model.training
    assert model.dtype == torch.float32
    with torch.no_grad():
        model.lm_head.weight.zero_()
    assert load_model("trained").lm_head.weight.any()
    assert load_model("trained", dtype=torch.bfloat16).dtype == torch.bfloat16


def test_a_step_without_a_checkpoint_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="step 7"):
        load_model("trained", step=7)


def test_all_ways_of_a_race_start_from_one_model_on_the_same_batches() -> None:
    race = training_race({"a": None, "b": 0.5}, steps=3)
    first = [log[0] for log in race.values()]
    assert first[0] == first[1]
    assert race["a"][2]["dead_experts"] != race["b"][2]["dead_experts"]
    assert [len(log) for log in race.values()] == [3, 3]


def test_a_loss_of_a_race_gets_each_routers_logits_and_the_sequence_of_each_token() -> None:
    seen = []

    def loss(logits: torch.Tensor, top_k: int, groups: torch.Tensor) -> torch.Tensor:
        seen.append((logits.shape, logits.requires_grad, top_k, groups.unique().numel()))
        return 0 * logits.sum()

    training_race({"loss": loss}, steps=1)
    assert seen == [(torch.Size([864, 16]), True, 2, 18)] * 3
