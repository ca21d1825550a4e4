"""What the kernel makes of a system-call filter, without asking the kernel."""

from __future__ import annotations

import struct

import pyseccomp

ALLOW = 0x7FFF0000


def verdict(program: bytes, architecture: int, name: str, *arguments: int) -> int:
    """What the kernel would answer: the program run on one call, as in linux/filter.h."""
    number = pyseccomp.resolve_syscall(architecture, name)
    data = struct.pack("<iIQ6Q", number, architecture, 0, *(*arguments, *[0] * 6)[:6])
    code = list(struct.iter_unpack("<HBBI", program))
    accumulator = position = 0
    while True:
        operation, if_true, if_false, constant = code[position]
        position += 1
        match operation:
            case 0x20:  # load a word
                accumulator = struct.unpack_from("<I", data, constant)[0]
            case 0x54:  # and
                accumulator &= constant
            case 0x05:  # jump
                position += constant
            case 0x06:  # return
                return constant
            case 0x15 | 0x25 | 0x35 | 0x45:  # compare: ==, >, >=, common bits
                holds = {
                    0x15: accumulator == constant,
                    0x25: accumulator > constant,
                    0x35: accumulator >= constant,
                    0x45: bool(accumulator & constant),
                }[operation]
                position += if_true if holds else if_false
            case _:
                raise AssertionError(f"an instruction that filters do not need: {operation:#x}")
