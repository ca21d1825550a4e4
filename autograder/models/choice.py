"""What `--model NAME` means: a shape of ours, a folder, or an id on Hugging Face."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from autograder.models.errors import ModelError
from autograder.models.shapes import SHAPES

TINY = "tiny"
READ_WHOLE = 1 << 30  # bytes of a file of weights; of a larger one, some parts and its date
_PART = 1 << 20
_HUB_ID = re.compile(r"[\w.-]{1,96}/[\w.-]{1,96}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelChoice:
    """One full-scale model of a run; plain data, so that it can travel to any process.

    `folder` holds `config.json`, and unless `planted` the weights; without a folder, `name` is one
    of `SHAPES`.
    """

    name: str
    folder: str = ""
    planted: bool = True
    trust_remote_code: bool = False

    def to_plain(self) -> dict[str, Any]:
        return asdict(self)


def digest_of(choice: ModelChoice) -> str:
    """A digest of a model's files, "" for one that has none: other weights give other grades.

    Large files count by their size, their date and a few parts: they hold many gigabytes.
    """
    if not choice.folder:
        return ""
    digest = hashlib.sha256()
    for path in sorted(Path(choice.folder).rglob("*")):
        if path.is_file() and path.suffix in (".json", ".py", ".safetensors"):
            digest.update(f"{path.relative_to(choice.folder).as_posix()}\0".encode())
            _read_into(digest, path)
    return digest.hexdigest()


def _read_into(digest: hashlib._Hash, path: Path) -> None:
    about = path.stat()
    digest.update(f"{about.st_size}\0".encode())
    with path.open("rb") as file:
        if about.st_size <= READ_WHOLE:
            while part := file.read(_PART):
                digest.update(part)
            return
        digest.update(f"{about.st_mtime_ns}\0".encode())
        for place in range(0, about.st_size, max(about.st_size // 64, _PART)):
            file.seek(place)
            digest.update(file.read(_PART))


def choose(name: str, *, trust_remote_code: bool = False) -> ModelChoice | None:
    """Find out what a model's name means, without importing torch; `None` for `tiny`.

    A folder with a `config.json` alone stands for planted weights of that shape. An id of Hugging
    Face has an empty `folder` and is not `planted`: `download` gets it. Raises `ModelError`.
    """
    if name == TINY:
        return None
    if name in SHAPES:
        return ModelChoice(name=name)
    folder = Path(name).expanduser()
    if folder.is_dir():
        return of_folder(name, folder, trust_remote_code=trust_remote_code)
    if folder.exists():
        raise ModelError(f"--model {name}: this is a file. Give the folder that holds config.json.")
    if not _HUB_ID.fullmatch(name) or name.startswith("."):
        raise ModelError(
            f"--model {name}: there is no such folder or model. Give {TINY}, "
            f"{', '.join(SHAPES)}, a folder, or an id of Hugging Face (OWNER/NAME)."
        )
    return ModelChoice(name=name, planted=False, trust_remote_code=trust_remote_code)


def of_folder(name: str, folder: Path, *, trust_remote_code: bool) -> ModelChoice:
    """The choice of a folder in the form of `save_pretrained`."""
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ModelError(
            f"--model {name}: the folder holds no config.json, so it is no model of transformers."
        ) from error
    except (OSError, ValueError) as error:
        raise ModelError(f"--model {name}: its config.json cannot be read ({error}).") from error
    if not isinstance(config, dict) or "model_type" not in config:
        raise ModelError(f"--model {name}: its config.json names no model_type.")
    has_weights = any(folder.glob("*.safetensors"))
    if not has_weights and any(folder.glob("*.bin")):
        raise ModelError(
            f"--model {name}: its weights are pickles, which can run code. Save them with "
            "model.save_pretrained(FOLDER), which writes safetensors."
        )
    return ModelChoice(
        name=name,
        folder=str(folder.resolve()),
        planted=not has_weights,
        trust_remote_code=trust_remote_code,
    )
