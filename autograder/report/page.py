"""What all pages share: templates that escape, style, and a policy against foreign code."""

from __future__ import annotations

import base64
import hashlib
import re
from collections import Counter
from functools import cache
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from autograder.records import Outcome, Status
from autograder.report.numbers import count, out_of, percent, points, signed
from autograder.report.overview import counts_in_words
from autograder.text import clean_text

_SIGNS = {
    Outcome.PASSED: "✓",
    Outcome.FAILED: "✗",
    Outcome.GRADER_ERROR: "?",
    Outcome.SKIPPED: "–",
    Outcome.MISSING: "–",
}


@cache
def environment() -> Environment:
    """The templates. Every value is cleaned and escaped where it is printed."""
    found = Environment(
        loader=PackageLoader("autograder.report", "templates"),
        autoescape=True,
        finalize=_finalize,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters |= {
        "breakable": breakable,
        "hundred": hundred,
        "percent": percent,
        "out_of": out_of,
        "points": points,
        "prose": prose,
        "signed": signed,
        "words": words,
    }
    found.globals |= {
        "count": count,
        "counts_in_words": counts_in_words,
        "sign": lambda outcome: _SIGNS.get(outcome, "!"),
        "Outcome": Outcome,
        "Status": Status,
    }
    return found


def render(
    template: str, *, styles: tuple[str, ...], scripts: tuple[str, ...] = (), **values: object
) -> str:
    """Write a page from a template, with these files of the package as its style and script.

    The page's policy names the two by their hashes: a browser runs nothing else, whatever a
    submission's text may contain, and loads nothing but pictures beside the page.
    """
    style, script = _resources(styles) + _sizes() * bool(styles), _resources(scripts)
    policy = (
        f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; "
        "img-src 'self' file: data:; base-uri 'none'; form-action 'none'"
    )
    return (
        environment()
        .get_template(template)
        .render(
            policy=policy,
            style=Markup(style),  # noqa: S704 - our own files, not a submission's text
            script=Markup(script),  # noqa: S704
            **values,
        )
    )


def words(name: str) -> str:
    """A function's name as words: `adds_up` → `Adds up`; other text as it is."""
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        return name
    spaced = name.replace("_", " ").strip()
    return spaced[:1].upper() + spaced[1:]


def prose(text: str) -> Markup:
    """An author's text, in which code stands between backticks, as markup."""
    code = Markup("<code>{}</code>")
    parts = clean_text(text).split("`")
    return Markup("").join(code.format(part) if n % 2 else part for n, part in enumerate(parts))


def breakable(name: str) -> Markup:
    """A function's or file's name that may be broken between its words, and looks the same."""
    return Markup("<wbr>").join(re.split(r"(?<=[_/])", clean_text(name)))


def hundred(counts: Counter[Outcome]) -> list[tuple[Outcome, int]]:
    """Whole hundredths of each outcome that occurs, which add up to 100 (largest remainders)."""
    total = counts.total()
    found = [outcome for outcome in Outcome if counts[outcome]]
    parts = {outcome: 100 * counts[outcome] // total for outcome in found}
    by_rest = sorted(found, key=lambda outcome: -(100 * counts[outcome] % total))
    for outcome in by_rest[: 100 - sum(parts.values())]:
        parts[outcome] += 1
    return list(parts.items())


def _finalize(value: object) -> object:
    """What a template prints: markup as it is, all other text cleaned."""
    if isinstance(value, str) and not isinstance(value, Markup):
        return clean_text(value)
    return value


def _resources(names: tuple[str, ...]) -> str:
    folder = files("autograder.report")
    texts = (folder.joinpath(name).read_text(encoding="utf-8").strip() for name in names)
    return "\n".join(texts)


def _sizes() -> str:
    """A class for each hundredth of a bar: the policy allows no style attributes."""
    return "".join(f".s{part}{{--size:{part / 100:g}}}" for part in range(101))


def _hash(text: str) -> str:
    if not text:
        return "'none'"
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"
