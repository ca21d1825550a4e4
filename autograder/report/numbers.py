"""Numbers as people read them. They are cut, never rounded up: 99.99 % is not 100 %."""

from __future__ import annotations

from decimal import ROUND_DOWN, Decimal


def points(value: float) -> str:
    """Points with up to two decimals: `87.5`, `100`."""
    cut = Decimal(repr(value)).quantize(Decimal("0.01"), rounding=ROUND_DOWN)
    return f"{cut.normalize():f}" if cut else "0"


def percent(score: float, possible: float) -> str:
    """A share with up to one decimal: `87.5 %`, `100 %` only where it is exact, `–` of nothing."""
    if possible <= 0:
        return "–"
    if score >= possible:
        return "100 %"
    thousandths = min(int(1000 * score / possible + 1e-6), 999)
    return f"{thousandths / 10:g} %"


def scored(score: float, possible: float) -> str:
    """Points of possible ones, `1.5 / 2`; points that a person gave or took have a sign: `+1.5`."""
    if possible or not score:
        return f"{points(score)} / {points(possible)}"
    return f"{'+' if score > 0 else '−'}{points(abs(score))}"


def count(number: int, singular: str, plural: str = "") -> str:
    """A number with its noun: `1 submission`, `2 submissions`."""
    return f"{number} {singular if number == 1 else plural or singular + 's'}"


def signed(value: float) -> str:
    """A correlation with its sign and two decimals: `+0.42`, `−0.07`."""
    return f"{value:+.2f}".replace("-", "−")
