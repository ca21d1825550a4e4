"""Leave a file behind, or change one.

Tries: writing to the grader's open folder, home, /tmp, /var/tmp, /dev/shm, the libraries and the
    place of Python's byte code; changing another submission's content, time, mode, owner or name.
Success: something outlasts the submission.
Outcome: refused.
"""

import contextlib
import os
import site
import sys

import torch


def attack(targets, model):
    marker, secret = targets["marker"], targets["secret"]
    folders = [
        targets["folder"], os.path.dirname(secret), "/", "/var/tmp", "/dev/shm", "/dev/mqueue",
        "/dev", "/home", "/root", "/run", "/usr/lib", "/lib", sys.prefix, sys.base_prefix, "/etc",
        os.path.dirname(torch.__file__), *site.getsitepackages(), *filter(None, sys.path),
    ]  # fmt: skip
    private = os.path.realpath(os.path.expanduser("~"))  # where there is one, it does not last
    for folder in folders:
        if os.path.realpath(folder) == private:
            continue
        try:
            with open(os.path.join(folder, marker), "w", encoding="ascii") as file:
                file.write("x")
            return f"wrote into {folder}"
        except OSError:
            pass
        try:
            os.mkdir(os.path.join(folder, marker))
            return f"made a folder in {folder}"
        except OSError:
            pass
    changes = (
        lambda: os.truncate(secret, 0),
        lambda: os.utime(secret, (0, 0)),
        lambda: os.utime(torch.__file__, (0, 0)),
        lambda: os.utime("/dev", (0, 0)),
        lambda: os.chmod(secret, 0o000),
        lambda: os.chown(secret, os.getuid(), os.getgid()),
        lambda: os.unlink(secret),
        lambda: os.rename(secret, secret + marker),
        lambda: os.setxattr(secret, "user.moelab", b"x"),
        lambda: os.mkfifo(os.path.join(targets["folder"], marker)),
        lambda: os.symlink("/etc", os.path.join(targets["folder"], marker)),
        lambda: os.link(torch.__file__, os.path.join(targets["folder"], marker)),
        lambda: os.mknod(os.path.join(targets["folder"], marker)),
    )
    for number, change in enumerate(changes):
        try:
            change()
            return f"change {number} went through"
        except OSError:
            pass
    for path in ("/tmp/" + marker, os.path.expanduser("~/" + marker)):
        with contextlib.suppress(OSError):
            open(path, "w", encoding="ascii").close()  # a private folder, at most
    return ""
