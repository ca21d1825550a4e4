"""One copy of the weights: what others see of it, and how a change of it is found."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from checkpoints import COMMON
from transformers import AutoConfig, AutoModelForCausalLM

from autograder.models.choice import choose
from autograder.models.errors import ModelError
from autograder.models.sharing import Shared, attach, named_tensors
from autograder.models.structure import structure
from autograder.serving.fingerprint import Fingerprint
from autograder.serving.ground_truth import ReferenceReplies
from autograder.serving.weights import Weights


def weights_of(folder: Path, *, private: bool = True) -> Weights:
    choice = choose(str(folder))
    assert choice is not None
    return Weights(choice, "cpu", "seed", private=private)


def mapped(weights: Weights) -> torch.nn.Module:
    """The model as another process would get it."""
    model = structure(weights.choice, "cpu")
    shared = Shared.from_plain(weights.shared.to_plain(), weights.shared.file)
    attach(model, shared, "cpu")
    return model


@pytest.mark.parametrize("tied", [False, True])
def test_a_mapped_model_computes_what_the_owner_computes(
    shape: Callable[..., Path], tied: bool
) -> None:
    weights = weights_of(shape("olmoe", tie_word_embeddings=tied, dtype="float32"))
    model = mapped(weights)
    ids = torch.arange(20)[None]
    with torch.no_grad():
        assert torch.equal(model(ids).logits, weights.model(ids).logits)
    assert (model.lm_head.weight is model.model.embed_tokens.weight) == tied
    assert not any(tensor.is_meta for tensor in named_tensors(model).values())


def test_what_one_process_writes_to_private_memory_no_other_sees(
    shape: Callable[..., Path],
) -> None:
    weights = weights_of(shape("olmoe"))
    model, other = mapped(weights), mapped(weights)
    with torch.no_grad():
        model.lm_head.weight.zero_()
    assert other.lm_head.weight.any()
    assert weights.verify() == 0


def test_a_change_of_shared_memory_is_found_and_made_good(shape: Callable[..., Path]) -> None:
    weights = weights_of(shape("olmoe"), private=False)
    model = mapped(weights)
    before = model.lm_head.weight.clone()
    with torch.no_grad():
        model.lm_head.weight.zero_()
    assert weights.verify() == 1
    assert torch.equal(model.lm_head.weight, before)
    assert weights.verify() == 1


def test_who_goes_on_changing_weights_stops_nobody_until_he_is_alone(
    shape: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = weights_of(shape("olmoe"), private=False)
    model = mapped(weights)
    right, restore, left = weights._now(), weights._restore, [2]

    def change() -> None:
        with torch.no_grad():
            model.lm_head.weight.add_(1)

    def restored_in_vain() -> None:
        restore()
        if left[0]:
            left[0] -= 1
            change()

    monkeypatch.setattr(weights, "_restore", restored_in_vain)
    change()
    assert [weights.verify(), weights.verify()] == [1, 2]
    assert weights.secure() == 3
    assert weights._now() == right
    change()
    left[0] = 1000
    with pytest.raises(ModelError, match="could not be restored"):
        weights.secure()


def test_real_weights_are_made_good_from_their_files(native: Path) -> None:
    weights = weights_of(native, private=False)
    model = mapped(weights)
    before = model.lm_head.weight.clone()
    with torch.no_grad():
        model.lm_head.weight[3, 4] += 1
    assert weights.verify() == 1
    assert torch.equal(model.lm_head.weight, before)


def test_routers_are_read_when_their_weights_are_right(native: Path) -> None:
    weights = weights_of(native, private=False)
    model = mapped(weights)
    right = {name: tensor.clone() for name, tensor in named_tensors(model).items()}
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    found = ReferenceReplies(weights, "seed", "reference").routers("moe_router_analysis")
    assert len(found) == model.config.num_hidden_layers
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    for name, weight in found.items():
        assert torch.equal(weight, right[f"{name}.weight"])


@pytest.mark.parametrize(
    ("model_type", "changes", "said"),
    [
        ("doge", {"is_moe": True, "num_experts": 16}, "cannot be measured|not return these"),
        (
            "llama4_text",
            {"num_local_experts": 8, "intermediate_size_mlp": 32},
            "does not return these three",
        ),
        ("inkling_text", {"n_routed_experts": 8}, "rows of `weight` for 8 logits"),
        ("deepseek_v4", {"n_routed_experts": 8}, "needs more than hidden states"),
    ],
)
def test_a_model_whose_routers_are_not_what_the_text_promises_is_refused_in_a_sentence(
    tmp_path: Path, model_type: str, changes: dict[str, object], said: str
) -> None:
    settings = {**COMMON, "hidden_size": 32, "head_dim": 8, "num_experts_per_tok": 2, **changes}
    config = AutoConfig.for_model(model_type, **settings)
    torch.manual_seed(1)
    AutoModelForCausalLM.from_config(config, dtype=torch.float32).save_pretrained(tmp_path)
    replies = ReferenceReplies(weights_of(tmp_path, private=False), "seed", "reference")
    with pytest.raises(ModelError, match=said) as refused:
        replies.routers("moe_router_analysis")
    assert str(refused.value).endswith("Give a model that keeps this promise.")


def test_the_fingerprint_sees_single_bits_swaps_and_changes_that_cancel_out() -> None:
    fingerprint = Fingerprint("cpu")
    weights = torch.randint(-100, 100, (3 << 20,)).to(torch.int64)
    right = fingerprint([weights])
    for places, values in (
        ((5,), (weights[5] ^ 1,)),
        ((7, 9), (weights[9] + 200, weights[7] - 200)),
        ((1, 2), (weights[1] + 1, weights[2] - 1)),
        ((0, 2 << 20), (weights[0] + 1, weights[2 << 20] - 1)),
    ):
        changed = weights.clone()
        for place, value in zip(places, values, strict=True):
            changed[place] = value
        assert fingerprint([changed]) != right
    assert fingerprint([weights.clone()]) == right
    assert Fingerprint("cpu")([weights]) != right  # the key is another one


def test_the_fingerprint_reads_tensors_of_any_size_and_place() -> None:
    fingerprint = Fingerprint("cpu")
    for size in (0, 1, 3, 8, 17):
        tensor = torch.arange(size + 1, dtype=torch.uint8)[1:]
        right = fingerprint([tensor])
        if size:
            tensor[-1] += 1
            assert fingerprint([tensor]) != right
