"""Open files without walking through folders.

Tries: `name_to_handle_at` and `open_by_handle_at` with made-up inode numbers, hard links through
    /proc, `O_PATH` descriptors and `fchdir`.
Success: a file outside the libraries is opened.
Outcome: refused.
"""

import ctypes
import os
import struct

libc = ctypes.CDLL(None, use_errno=True)


def attack(targets, model):
    handle = ctypes.create_string_buffer(struct.pack("II", 128, 0) + bytes(128))
    mount = ctypes.c_int()
    if libc.name_to_handle_at(-100, b"/usr/lib", handle, ctypes.byref(mount), 0) == 0:
        return "name_to_handle_at works"
    folder = os.open("/usr/lib", os.O_RDONLY | os.O_DIRECTORY)
    for inode in (1, 2, 128, 256):
        made_up = ctypes.create_string_buffer(struct.pack("IIII", 8, 1, inode, 0))
        if libc.open_by_handle_at(folder, made_up, 0) >= 0:
            return f"opened inode {inode}"
    try:
        anchor = os.open("/", os.O_PATH)
        os.fchdir(anchor)
        return "read " + open(targets["secret"].lstrip("/"), encoding="ascii").read(5)
    except OSError:
        pass
    try:
        os.link(targets["secret"], "/tmp/link")
        return "read " + open("/tmp/link", encoding="ascii").read(5)
    except OSError:
        pass
    try:
        os.symlink(targets["secret"], "/tmp/symlink")
        return "read " + open("/tmp/symlink", encoding="ascii").read(5)
    except OSError:
        return ""
