"""Rule 6: the committed student edition is what the build writes, and gives nothing away."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder.authoring.assignment import Assignment
from autograder.edition.archive import lab_files
from autograder.edition.write import FOLDER, student_files
from autograder.verify.records import Finding, Rule
from autograder.verify.secrets import (
    MIN_BODY,
    MIN_LINE,
    MIN_NUMBERS,
    Secret,
    numbers_in,
    squeezed,
)


@dataclass(frozen=True, slots=True)
class Text:
    """A file's text, in the three forms in which it is searched."""

    name: str
    plain: str
    squeezed: str
    numbers: frozenset[str]

    @classmethod
    def of(cls, name: str, content: str) -> Text:
        plain = "\n".join([name, *_strings(name, content)])
        return cls(name, plain, squeezed(plain), numbers_in(plain))


def files_give_nothing_away(
    assignment: Assignment, root: Path, secrets: Iterable[Secret]
) -> Iterator[Finding]:
    """Search every file below `root/assignments` for the secrets of an assignment.

    What the student edition and the lab's packages say is no secret, except for a whole function.
    Single statements are only looked for in the assignment's own folder: elsewhere they are
    everybody's.
    """
    wanted = student_files(assignment)
    carried = lab_files(assignment.packages).items()  # weights, too, which say nothing
    lab = {name: data.decode() for name, data in carried if name.endswith((".py", ".md", ".json"))}
    known = wanted | lab
    public = Text.of("", "\n".join("\n".join(_strings(*item)) for item in known.items()))
    own = f"{FOLDER}/{assignment.name}/"
    texts = [
        Text.of(name, path.read_text(encoding="utf-8", errors="replace"))
        for path in sorted((root / FOLDER).rglob("*"))
        if path.is_file() and (name := path.relative_to(root).as_posix())
    ]
    found = list(secrets)
    for text in texts:
        for secret in found:
            if _holds(text, secret, public, single_lines=text.name.startswith(own)):
                yield Finding(
                    secret.exercise,
                    Rule.FILES,
                    f"{text.name} holds {secret.what}. Rebuild with `moelab build "
                    f"{assignment.name}` or delete the file; where the course's own text says it, "
                    "take it out there. What students may have seen needs replacing.",
                )


def _holds(text: Text, secret: Secret, public: Text, *, single_lines: bool) -> bool:
    if _whole_body(text, secret):
        return True
    if secret.name and _names(secret.name, text) and not _names(secret.name, public):
        return True
    if secret.function:
        definition = rf"\bdef\s+{re.escape(secret.function)}\b"
        if re.search(definition, text.plain) and not re.search(definition, public.plain):
            return True
    if secret.text and squeezed(secret.text) in text.squeezed:
        return squeezed(secret.text) not in public.squeezed
    if len((secret.numbers & text.numbers) - public.numbers) >= MIN_NUMBERS:
        return True
    return single_lines and any(
        len(written) >= MIN_LINE and written in text.squeezed and written not in public.squeezed
        for statement in secret.statements
        for written in statement
    )


def _whole_body(text: Text, secret: Secret) -> bool:
    size = sum(max(map(len, statement)) for statement in secret.statements)
    return size >= MIN_BODY and all(
        any(written in text.squeezed for written in statement) for statement in secret.statements
    )


def _names(name: str, text: Text) -> bool:
    """Whether a text mentions a check; a plain word counts only where it is being defined."""
    pattern = rf"\b{re.escape(name)}\b" if "_" in name else rf"\bdef\s+{re.escape(name)}\b"
    return re.search(pattern, text.plain) is not None


def _strings(name: str, content: str) -> Iterator[str]:
    """A file's text; of JSON every string, with lines that belong together in one piece."""
    if name.endswith((".ipynb", ".json")):
        try:
            yield from _json_strings(json.loads(content))
        except (ValueError, RecursionError):
            yield content
    else:
        yield content


def _json_strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        if value and all(isinstance(item, str) for item in value):
            yield "".join(value)
        else:
            for item in value:
                yield from _json_strings(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from _json_strings(item)
    elif isinstance(value, float):
        yield repr(value)
