"""Where this process stands among the kernel's control groups, and what memory they leave it.

The facts are in cgroups(7), and in the kernel's documentation: admin-guide/cgroup-v2 and
admin-guide/cgroup-v1/memory.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Hierarchy:
    """A mounted tree of groups that limits memory: `root` is its top, `own` this process's group.

    Both are folders; `unified` tells version 2 from version 1.
    """

    root: Path
    own: Path
    unified: bool


def memory_hierarchy() -> Hierarchy | None:
    """The tree of groups that limits this process's memory; None where there is none."""
    own = {}
    with suppress(OSError):
        for line in Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines():
            _, controllers, path = line.split(":", 2)
            own.update(dict.fromkeys(controllers.split(","), path))
    found = list(_mounts())
    for kind, name, unified in (("cgroup", "memory", False), ("cgroup2", "", True)):
        for mounted_as, top, folder, options in found:
            fits = mounted_as == kind and name in own and (unified or name in options)
            if fits:
                below = os.path.relpath(own[name], top)
                place = folder if below.startswith("..") else folder / below
                return Hierarchy(folder, place, unified)
    return None


def machine_memory() -> int:
    """The machine's or the container's memory in bytes, 0 where it cannot be told."""
    try:
        least = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 0
    hierarchy = memory_hierarchy()
    if hierarchy is None:
        return least
    name = "memory.max" if hierarchy.unified else "memory.limit_in_bytes"
    for folder in (hierarchy.own, *hierarchy.own.parents):
        with suppress(OSError, ValueError):
            least = min(least, int((folder / name).read_text(encoding="ascii")))
        if folder == hierarchy.root:
            break
    return least


def _mounts() -> list[tuple[str, str, Path, list[str]]]:
    """Every mount: its type, which part of the tree it shows, where, and its options."""
    mounts = []
    with suppress(OSError):
        for line in Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines():
            before, _, after = line.partition(" - ")
            fields, kind = before.split(), after.split()
            mounts.append((kind[0], fields[3], Path(fields[4]), kind[2].split(",")))
    return mounts
