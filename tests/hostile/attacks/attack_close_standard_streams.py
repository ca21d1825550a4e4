"""Close standard input, output and error, and put other files in their place.

Tries: closing descriptors 0 to 2, opening others that get these numbers, streams of one's own that
    raise or never end when they are written to, and text of 100 MB.
Success: the grader's output gets anything of it, or the reply does not come back.
Outcome: refused or died.
"""

import contextlib
import os
import sys


class Stream:
    def write(self, text):
        raise SystemExit("no output")

    flush = write

    def __getattr__(self, name):
        return self.write


def attack(targets, model):
    with contextlib.suppress(OSError):
        os.write(1, b"x" * 1_000_000)
        os.write(2, b"\x1b[2J" * 1_000_000)
    print("\x1b]0;title\x07" * 1_000_000)
    for number in (0, 1, 2):
        with contextlib.suppress(OSError):
            os.close(number)
    os.open("/dev/zero", os.O_RDONLY)
    sys.stdout = sys.stderr = sys.__stdout__ = sys.__stderr__ = Stream()
    sys.excepthook = sys.unraisablehook = sys.displayhook = Stream().write
    return ""
