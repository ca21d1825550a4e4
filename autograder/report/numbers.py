"""Numbers as people read them. They are cut, never rounded up: 99.99 % is not 100 %."""

from __future__ import annotations

from decimal import ROUND_DOWN, Decimal


def points(value: float) -> str:
    """Points with up to two decimals: `87.5`, `100`."""
    return _cut(Decimal(repr(value)), "0.01")


def percent(score: float, possible: float) -> str:
    """A share with up to one decimal: `87.5 %`, `100 %` only where it is exact, `–` of nothing."""
    if possible <= 0:
        return "–"
    return f"{_cut(100 * Decimal(repr(score)) / Decimal(repr(possible)), '0.1')} %"


def count(number: int, singular: str, plural: str = "") -> str:
    """A number with its noun: `1 submission`, `2 submissions`."""
    return f"{number} {singular if number == 1 else plural or singular + 's'}"


def _cut(value: Decimal, step: str) -> str:
    cut = value.quantize(Decimal(step), rounding=ROUND_DOWN)
    return f"{cut.normalize():f}" if cut else "0"
