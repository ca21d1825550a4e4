"""Models by their id on Hugging Face, from a server that answers as it does."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hub import serving

from autograder.authoring.course import load_assignment
from autograder.edition.source import script, solution_source

pytestmark = pytest.mark.slow

TESTS = Path(__file__).resolve().parents[1]
Moelab = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def asked() -> list[str]:
    return []


@pytest.fixture
def moelab(native: Path, tmp_path: Path, asked: list[str]) -> Iterator[Moelab]:
    """Grades one solution with the model that is named; its cache is empty at first."""
    exercises = load_assignment("moe_router_analysis").exercises
    answers = [solution_source(one, one.solution_function) for one in exercises]
    (tmp_path / "ada.py").write_text(script(answers), encoding="utf-8")
    with serving({"somebody/mixtral": native}) as (address, contents):
        asked.append(address)

        def grade(model: str, **environment: str) -> subprocess.CompletedProcess[str]:
            program = ("-m", "autograder.cli", "grade", "ada.py", "--device", "cpu")
            command = [sys.executable, *program, "--course", "model_checks", "--assignment", "lab"]
            variables = {"HF_ENDPOINT": address, "HF_HOME": str(tmp_path / "cache")}
            variables["PYTHONPATH"] = str(TESTS / "courses")
            ended = subprocess.run(
                [*command, "--seed", "s", "--regrade", "--model", model],
                cwd=tmp_path,
                env=os.environ | variables | environment,
                capture_output=True,
                text=True,
            )
            asked[:] = contents
            contents.clear()
            return ended

        yield grade


@pytest.mark.sandbox
def test_a_model_is_fetched_once_with_progress_and_graded_on(
    moelab: Moelab, asked: list[str], native: Path
) -> None:
    first = moelab("somebody/mixtral")
    assert first.returncode == 0, first.stderr
    assert "getting somebody/mixtral from Hugging Face" in first.stderr
    weights = [f"somebody/mixtral/{file.name}" for file in sorted(native.glob("*.safetensors"))]
    assert sorted(name for name in asked if name.endswith(".safetensors")) == weights
    assert not any(name.endswith(".safetensors") for name in asked[:2])  # first its description
    assert "100%" in first.stderr
    assert "1 with full marks" in first.stdout
    assert "leaked" not in first.stderr
    again = moelab("somebody/mixtral", HF_HUB_OFFLINE="1")
    assert again.returncode == 0, again.stderr
    assert asked == []


def test_an_id_that_nobody_has_is_refused_in_a_sentence(moelab: Moelab) -> None:
    refused = moelab("nobody/nothing")
    assert refused.returncode == 2
    assert "--model nobody/nothing: it is no folder here, and Hugging Face" in refused.stderr
    assert "Traceback" not in refused.stderr
