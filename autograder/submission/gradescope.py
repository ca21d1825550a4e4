"""Who handed in what, as `submission_metadata.yml` of a Gradescope export says."""

from __future__ import annotations

from typing import Any

import yaml

from autograder.submission.aside import ask
from autograder.submission.exports import Submitters

METADATA = "submission_metadata.yml"
MAX_METADATA = 16 * 1024 * 1024
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_submitters(data: bytes) -> dict[str, Submitters]:
    """The submitters by the name of their submission's folder.

    What is not as Gradescope writes it is left out: then the folder's name is shown instead. The
    file also holds what students' programs printed, so another process loads it, as plain data.
    """
    found = ask(submitters_as_json, data) or {}
    return {folder: Submitters(name, tuple(also)) for folder, (name, also) in found.items()}


def submitters_as_json(data: bytes) -> dict[str, tuple[str, list[str]]]:
    """What `read_submitters` runs in another process."""
    try:
        content = yaml.load(data, Loader=_Loader)  # noqa: S506 - a safe loader: plain data only
    except (yaml.YAMLError, RecursionError, UnicodeDecodeError, ValueError):
        return {}
    if not isinstance(content, dict):
        return {}
    found = {
        folder: _submitters(submission.get(":submitters"))
        for folder, submission in content.items()
        if isinstance(folder, str) and isinstance(submission, dict)
    }
    return {folder: people for folder, people in found.items() if people}


def _submitters(people: Any) -> tuple[str, list[str]] | None:
    if not isinstance(people, list):
        return None
    known = [person for person in people if isinstance(person, dict) and _text(person, ":name")]
    if not known:
        return None
    also = [
        f"{kind} {value}"
        for person in known
        for kind, key in (("name", ":name"), ("email", ":email"), ("id", ":sid"))
        if (value := _text(person, key))
    ]
    return ", ".join(_text(person, ":name") for person in known), also


def _text(person: dict[Any, Any], key: str) -> str:
    value = person.get(key)
    return str(value).strip() if isinstance(value, str | int) else ""
