"""Getting a model from Hugging Face: its config first, the weights only if they will fit."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

from autograder.models.choice import ModelChoice, of_folder
from autograder.models.errors import ModelError

_WEIGHTS = ("*.safetensors", "*.safetensors.index.json")
_ABOUT = ("config.json", "generation_config.json", "*.py")


def download(
    choice: ModelChoice,
    require_fit: Callable[[ModelChoice], object],
    fetch: Callable[..., str] = snapshot_download,
) -> ModelChoice:
    """The choice with the folder in the local cache that holds its files.

    `require_fit` is asked before the weights are fetched. Progress bars go to standard error. What
    is in the cache already is not fetched again, so a machine without network can use it. Raises
    `ModelError`.
    """
    about = Path(_fetched(choice, _ABOUT, fetch))
    described = of_folder(choice.name, about, trust_remote_code=choice.trust_remote_code)
    require_fit(replace(described, planted=False))
    folder = Path(_fetched(choice, (*_ABOUT, *_WEIGHTS), fetch))
    found = of_folder(choice.name, folder, trust_remote_code=choice.trust_remote_code)
    if found.planted:
        raise ModelError(f"--model {choice.name}: Hugging Face has no safetensors weights of it.")
    return found


def _fetched(choice: ModelChoice, patterns: Iterable[str], fetch: Callable[..., str]) -> str:
    try:
        return fetch(choice.name, allow_patterns=list(patterns))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError, ValueError) as error:
        reason = str(error).strip().partition("\n")[0][:300]
        raise ModelError(
            f"--model {choice.name}: it is no folder here, and Hugging Face could not be asked for "
            f"it ({type(error).__name__}: {reason})."
        ) from error
