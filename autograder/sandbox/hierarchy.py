"""Where this process stands among the kernel's control groups, and what they leave it.

The facts are in cgroups(7), and in the kernel's documentation: admin-guide/cgroup-v2 and
admin-guide/cgroup-v1/memory.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

UNLIMITED = 1 << 62
_MEMORY = {  # files of a group, by whether it is of version 2: its limit, and what is used
    False: ("memory.limit_in_bytes", "memory.usage_in_bytes"),
    True: ("memory.max", "memory.current"),
}
_PIDS = dict.fromkeys((False, True), ("pids.max", "pids.current"))


@dataclass(frozen=True, slots=True)
class Hierarchy:
    """A mounted tree of groups that limits something: `root` is its top, `own` this process's one.

    Both are folders; `unified` tells version 2 from version 1.
    """

    root: Path
    own: Path
    unified: bool


def hierarchy_of(controller: str) -> Hierarchy | None:
    """The tree of groups that limits this process's `memory` or `pids`; None if there is none."""
    own = {}
    with suppress(OSError):
        for line in Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines():
            _, controllers, path = line.split(":", 2)
            own.update(dict.fromkeys(controllers.split(","), path))
    found = list(_mounts())
    for kind, name, unified in (("cgroup", controller, False), ("cgroup2", "", True)):
        for mounted_as, top, folder, options in found:
            fits = mounted_as == kind and name in own and (unified or name in options)
            if fits:
                below = os.path.relpath(own[name], top)
                place = folder if below.startswith("..") else folder / below
                return Hierarchy(folder, place, unified)
    return None


def memory_hierarchy() -> Hierarchy | None:
    """The tree of groups that limits this process's memory; None where there is none."""
    return hierarchy_of("memory")


def machine_memory() -> int:
    """The machine's or the container's memory in bytes, 0 where it cannot be told."""
    try:
        machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 0
    most = (_number(folder / name) for folder, (name, _) in _groups("memory", _MEMORY))
    return min([machine, *(size for size in most if size is not None)])


def free_memory() -> int:
    """Bytes that the machine, and the groups around this process, still leave it.

    What the kernel only keeps of files that were read counts as free.
    """
    least = _available()
    for folder, (most_name, used_name) in _groups("memory", _MEMORY):
        most, used = _number(folder / most_name), _number(folder / used_name)
        if most is not None and used is not None:
            least = min(least, most - used + _files_kept(folder))
    return max(least, 0)


def free_processes() -> int:
    """Threads and processes that the groups around this process, and its user's limit, leave it.

    `UNLIMITED` where nothing limits them.
    """
    least = UNLIMITED
    for folder, (most_name, used_name) in _groups("pids", _PIDS):
        most, used = _number(folder / most_name), _number(folder / used_name)
        if most is not None and used is not None:
            least = min(least, most - used)
    return max(min(least, _of_this_user()), 0)


def _of_this_user() -> int:
    if sys.platform != "linux" or os.geteuid() == 0:
        return UNLIMITED  # root's children get users of their own
    import resource

    from autograder.linux import threads_of

    limit = resource.getrlimit(resource.RLIMIT_NPROC)[0]
    return UNLIMITED if limit == resource.RLIM_INFINITY else limit - threads_of(os.geteuid())


def _groups(
    controller: str, names: dict[bool, tuple[str, str]]
) -> Iterator[tuple[Path, tuple[str, str]]]:
    """This process's group and all above it, with the names of the files for limit and use."""
    hierarchy = hierarchy_of(controller)
    if hierarchy is None:
        return
    for folder in (hierarchy.own, *hierarchy.own.parents):
        yield folder, names[hierarchy.unified]
        if folder == hierarchy.root:
            return


def _available() -> int:
    """Bytes that a new process can get on this machine."""
    with suppress(OSError, KeyError, ValueError):
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        found = {line.partition(":")[0]: line.split()[1] for line in lines if len(line.split()) > 1}
        return int(found["MemAvailable"]) * 1024
    return machine_memory()


def _files_kept(folder: Path) -> int:
    """Bytes of a group that hold files which can be read again."""
    with suppress(OSError, ValueError):
        lines = (folder / "memory.stat").read_text(encoding="ascii").splitlines()
        found = dict(line.split() for line in lines)
        kept = found.get("total_inactive_file", found.get("inactive_file", "0"))
        return int(kept)
    return 0


def _number(file: Path) -> int | None:
    """The number in a file of a group; None where there is none (`max`, no file)."""
    with suppress(OSError, ValueError):
        return int(file.read_text(encoding="ascii"))
    return None


def _mounts() -> list[tuple[str, str, Path, list[str]]]:
    """Every mount: its type, which part of the tree it shows, where, and its options."""
    mounts = []
    with suppress(OSError):
        for line in Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines():
            before, _, after = line.partition(" - ")
            fields, kind = before.split(), after.split()
            mounts.append((kind[0], fields[3], Path(fields[4]), kind[2].split(",")))
    return mounts
