"""Tell another submission something by locking a file that both can read.

Tries: each kind of lock on a file of a library, and whether another opening of it feels the lock.
Success: a lock is felt, so that who grades at the same time could read it bit by bit.
Outcome: refused.
"""

import fcntl
import struct

import torch

F_OFD_GETLK, F_OFD_SETLK = 36, 37
LOCK = struct.Struct("hhqqi4x")


def attack(targets, model):
    with open(torch.__file__) as first, open(torch.__file__) as second:
        try:
            fcntl.flock(first, fcntl.LOCK_EX)
            fcntl.flock(second, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return "flock is felt"
        except OSError:
            pass
        try:
            fcntl.fcntl(first, F_OFD_SETLK, LOCK.pack(fcntl.F_RDLCK, 0, 0, 0, 0))
            found = fcntl.fcntl(second, F_OFD_GETLK, LOCK.pack(fcntl.F_WRLCK, 0, 0, 0, 0))
            if LOCK.unpack(found)[0] == fcntl.F_RDLCK:
                return "a lock of an open file is felt"
        except OSError:
            pass
    return ""
