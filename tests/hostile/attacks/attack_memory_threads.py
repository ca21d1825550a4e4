"""Use memory through many threads at once, up to 8 GB.

Tries: 16 threads that each allocate and write blocks through the C library.
Success: together they get more than the limit.
Outcome: refused or memory or died or error.
"""

import ctypes
import threading

libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
LOCK = threading.Lock()
TOTAL = [0]


def grab():
    for _ in range(32):
        address = libc.malloc(16 << 20)
        if not address:
            return
        ctypes.memset(address, 1, 16 << 20)
        with LOCK:
            TOTAL[0] += 16 << 20


def attack(targets, model):
    threads = [threading.Thread(target=grab) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return f"got {TOTAL[0]} bytes" if TOTAL[0] > 700 << 20 else ""
