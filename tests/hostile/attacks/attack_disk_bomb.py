"""Fill the disk, at most 2 GB in each folder.

Tries: large files, preallocated files and many small files in every folder that can be written
    to.
Success: more than 100 MB or 10,000 files.
Outcome: refused.
"""

import os
import tempfile


def attack(targets, model):
    sizes, made = {}, 0
    for folder in ("/tmp", "/var/tmp", "/dev/shm", "/dev", os.getcwd(), targets["folder"]):
        for number in range(32):
            try:
                with open(f"{folder}/{targets['marker']}-{number}", "wb") as file:
                    try:
                        for _ in range(64):
                            file.write(bytes(1 << 20))
                        os.posix_fallocate(file.fileno(), 0, 1 << 30)
                    finally:
                        status = os.fstat(file.fileno())
                        sizes[status.st_dev, status.st_ino] = status.st_blocks * 512
            except OSError:
                continue
    for folder in ("/var/tmp", targets["folder"], tempfile.gettempdir()):
        for number in range(12_000):
            try:
                os.close(os.open(f"{folder}/{targets['marker']}.{number}", os.O_CREAT))
                made += 1
            except OSError:
                break
    if sum(sizes.values()) > 100 << 20:
        return f"wrote {sum(sizes.values())} bytes"
    return f"made {made} files" if made > 10_000 else ""
