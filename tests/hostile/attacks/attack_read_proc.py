"""Read what /proc tells about the grader and other processes.

Tries: environment, command line, memory, maps, open files, root and working folder of the grader,
    of the sandbox and of process 1, and of itself.
Success: anything of another process is read, or the grader's environment.
Outcome: refused.
"""

import os


def attack(targets, model):
    processes = [
        "self",
        "1",
        "2",
        str(targets["grader"]),
        str(targets["victim"]),
        str(os.getppid()),
    ]
    processes += [str(process) for process in targets["zygote"]]
    for process in processes:
        base = f"/proc/{process}"
        for name in ("environ", "cmdline", "mem", "maps", "status", "fdinfo/0", "task", "net/tcp"):
            try:
                with open(f"{base}/{name}", "rb") as file:
                    return f"read {base}/{name}: {file.read(20)!r}"
            except OSError:
                pass
        for name in ("root" + targets["secret"], "cwd/etc/passwd", "fd/0", "fd/1", "fd/2"):
            try:
                with open(f"{base}/{name}", "rb") as file:
                    if file.read(10):
                        return f"read through {base}/{name}"
            except OSError:
                pass
        if process not in ("self", "1") or targets["grader"] == 1:
            for name in ("cwd", "root", "exe", "fd/3", "ns/mnt"):
                try:
                    found = os.readlink(f"{base}/{name}")
                except OSError:
                    continue
                if process in (str(targets["grader"]), str(targets["victim"])):
                    return f"{base}/{name} leads to {found}"
    for name in ("/proc", "/proc/net", "/sys", "/sys/class/net", "/dev/shm", "/dev/mqueue"):
        try:
            if found := os.listdir(name):
                return f"listed {name}: {found[:3]}"
        except OSError:
            continue
    return ""
