"""What --model NAME means, and what is said where it means nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from autograder.models.choice import ModelChoice, choose
from autograder.models.download import download
from autograder.models.errors import ModelError
from autograder.models.structure import structure
from autograder.serving.weights import loaded


def test_tiny_is_no_full_scale_model() -> None:
    assert choose("tiny") is None


def test_a_folder_with_a_config_alone_gets_planted_weights(shape: Callable[..., Path]) -> None:
    found = choose(str(shape("olmoe")))
    assert found is not None
    assert found.planted


def test_a_folder_with_weights_keeps_them(native: Path) -> None:
    found = choose(str(native))
    assert found is not None
    assert not found.planted


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("./nowhere/at all", "there is no such folder or model"),
        ("deepseek-v2", "deepseek-v2-lite"),
        (__file__, "this is a file"),
        (str(Path(__file__).parent), "holds no config.json"),
    ],
)
def test_a_name_that_means_nothing_is_refused_in_a_sentence(name: str, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        choose(name)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"a": 1}', '"olmoe"'])
def test_a_broken_config_is_refused_in_a_sentence(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.json").write_text(text, encoding="utf-8")
    with pytest.raises(ModelError, match=r"its config\.json"):
        choose(str(tmp_path))


def test_weights_that_are_pickles_are_refused(shape: Callable[..., Path]) -> None:
    folder = shape("olmoe")
    (folder / "pytest_model.bin").write_bytes(b"")
    with pytest.raises(ModelError, match="pickles"):
        choose(str(folder))


def test_code_of_a_model_runs_only_when_it_is_trusted(remote: Path) -> None:
    found = choose(str(remote))
    assert found is not None
    with pytest.raises(ModelError, match="--trust-remote-code"):
        structure(found, "cpu")
    trusted = replace(found, trust_remote_code=True)
    assert type(structure(trusted, "cpu")).__name__ == "PocketForCausalLM"


def test_torn_weights_are_refused_in_a_sentence(native: Path, tmp_path: Path) -> None:
    for file in native.iterdir():
        data = file.read_bytes()
        torn = file.suffix == ".safetensors"
        (tmp_path / file.name).write_bytes(data[: len(data) // 2] if torn else data)
    found = choose(str(tmp_path))
    assert found is not None
    with pytest.raises(ModelError, match="its weights cannot be loaded"):
        loaded(found, "cpu")


def test_a_model_of_hugging_face_is_taken_from_the_folder_that_was_fetched(native: Path) -> None:
    asked: list[list[str]] = []

    def fetch(name: str, allow_patterns: list[str]) -> str:
        asked.append(allow_patterns)
        return str(native)

    choice = ModelChoice(name="somebody/mixtral", planted=False)
    found = download(choice, lambda described: asked.append([described.folder]), fetch)
    assert found == ModelChoice(name="somebody/mixtral", folder=str(native), planted=False)
    assert "*.safetensors" not in asked[0]  # the config first: will it fit?
    assert asked[1] == [str(native)]
    assert "*.safetensors" in asked[2]


def test_a_model_that_cannot_be_fetched_is_refused_in_a_sentence() -> None:
    def fetch(name: str, allow_patterns: list[str]) -> str:
        raise OSError("no network\nand a long story")

    with pytest.raises(ModelError, match=r"could not be asked for it \(OSError: no network\)\.$"):
        download(ModelChoice(name="somebody/model", planted=False), print, fetch)


def test_real_weights_are_those_that_were_saved(native: Path) -> None:
    found = choose(str(native))
    assert found is not None
    model = loaded(found, "cpu")
    with torch.no_grad():
        logits = model(torch.arange(5)[None]).logits
    assert logits.shape == (1, 5, 320)
    assert model.dtype == torch.float32
