"""Who handed in what, as `submission_metadata.yml` of a Gradescope export says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from autograder.submission.exports import Submitters
from autograder.submission.limited_process import ask

METADATA = "submission_metadata.yml"
MAX_METADATA = 160 * 1024 * 1024  # of a large course with many attempts: 18 MB
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_submitters(data: bytes) -> dict[str, Submitters]:
    """The submitters by the name of their submission's folder; empty where it cannot be read.

    What is not as Gradescope writes it is left out: then the folder's name is shown instead. The
    file also holds what students' programs printed, so another process reads it, as plain data.
    """
    found = ask(submitters_as_json, data) or {}
    return {
        folder: Submitters(name, tuple(also), created)
        for folder, (name, also, created) in found.items()
    }


def submitters_as_json(data: bytes) -> dict[str, tuple[str, list[str], str]]:
    """What `read_submitters` runs in another process.

    Of each submission only the submitters are kept: the rest, all results of all attempts, would
    need a hundred times its size in memory.
    """
    try:
        return _found_in(yaml.parse(data, Loader=_Loader))
    except (yaml.YAMLError, RecursionError, UnicodeDecodeError, ValueError):
        return {}


def _found_in(events: Iterator[yaml.Event]) -> dict[str, tuple[str, list[str], str]]:
    found: dict[str, tuple[str, list[str], str]] = {}
    created = ""  # when the submission that is being read was made
    path: list[str] = []  # the keys of the mappings that are open, "-" for a list
    waiting: list[bool] = []  # whether each of them waits for a key
    people: list[dict[str, str]] = []
    for event in events:
        if isinstance(event, yaml.ScalarEvent | yaml.AliasEvent):
            text = event.value if isinstance(event, yaml.ScalarEvent) else ""
            if waiting and waiting[-1]:
                path[-1], waiting[-1] = text[:200], False
                continue
            if len(path) == 2 and path[1] == ":created_at":
                created = text[:60]
                if path[0] in found:
                    found[path[0]] = (*found[path[0]][:2], created)
            if len(path) == 4 and path[1:3] == [":submitters", "-"] and people:
                is_null = isinstance(event, yaml.ScalarEvent) and event.implicit[0]
                people[-1][path[3]] = "" if is_null and text in ("", "~", "null") else text[:500]
        elif isinstance(event, yaml.CollectionStartEvent):
            is_mapping = isinstance(event, yaml.MappingStartEvent)
            if len(path) == 2 and path[1] == ":submitters":
                people = []
            if len(path) == 3 and path[1:] == [":submitters", "-"] and is_mapping:
                people.append({})
            path.append("" if is_mapping else "-")
            waiting.append(is_mapping)
            if len(path) > 1_000:
                return found
            continue
        elif isinstance(event, yaml.CollectionEndEvent):
            path.pop()
            waiting.pop()
            if len(path) == 2 and path[1] == ":submitters" and (who := _submitters(people)):
                found.setdefault(path[0], (*who, created))
                people = []
            if len(path) == 1:
                created = ""
        else:
            continue
        if path and path[-1] != "-":
            waiting[-1] = True  # the value is done
    return found


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
