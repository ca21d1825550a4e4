"""An exception with poisonous text.

Tries: terminal sequences, NUL, lone surrogates, markup, formulas and ten million characters in the
    message, the class name and the base classes.
Success: a control character or an unbounded text reaches what people read.
Outcome: error or failed.
"""

POISON = "\x1b[2J\x1b]0;owned\x07\x00\ud800<script>alert(1)</script>=cmd|'/c calc'!A1 \u202e"


def attack(targets, model):
    kind = type("\x1b[31mBad<b>" + "x" * 10_000, (ValueError,), {})
    raise kind(POISON * 200_000)
