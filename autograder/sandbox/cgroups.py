"""A control group for each sandbox, wherever one can be had: the kernel bounds all memory in it.

A process's own limits count what it maps. A group also counts files in memory, what lies in pipes
and sockets and what the kernel keeps for a process, over a zygote and its child together. With as
many sandboxes as fit into the machine, the sum is bounded too (`limits.py`). Where groups can share
out processors as well, sandboxes get equal parts of them, however many threads run in each.

Where this process stands among the groups, and what they leave it, is told here, too. The facts are
in cgroups(7), and in the kernel's documentation: admin-guide/cgroup-v2 and
admin-guide/cgroup-v1/memory.
"""

from __future__ import annotations

import errno
import os
import secrets
import sys
import time
from collections.abc import Iterable, Iterator
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


PREFIX = "moelab-"
OWN_GROUP = "moelab-grader"  # where the grader moves, for a group with limits below it holds nobody
PROCESSES = 96  # threads and processes of a sandbox: the zygote's and those a child may have
_NAMES = {  # of the files with the bytes that are used, and that may be
    False: ("memory.usage_in_bytes", "memory.limit_in_bytes"),
    True: ("memory.current", "memory.max"),
}
_SECONDS_TO_EMPTY = 5.0
HOW = (
    "run as root where control groups can be written, or as "
    "`systemd-run --user --scope -p Delegate=yes moelab grade …`"
)


class NoGroup(Exception):  # noqa: N818
    """There can be no group here; the message is a clause that says why."""


class Group:
    """A group of processes; raises `NoGroup` where none can be made."""

    def __init__(self) -> None:
        hierarchy = memory_hierarchy()
        if hierarchy is None:
            raise NoGroup("this system has no control groups for memory")
        parent = _parent(hierarchy)
        _sweep(parent)
        self.folder = parent / f"{PREFIX}{os.getpid()}-{secrets.token_hex(4)}"
        try:
            self.folder.mkdir()
        except OSError as error:
            raise NoGroup(_refused(parent, error)) from error
        try:
            for name, value in _settings(hierarchy).items():
                (self.folder / name).write_text(value, encoding="ascii")
        except OSError as error:
            _remove(self.folder, 0.0)
            raise NoGroup(_refused(self.folder, error)) from error
        self._used, self._most = (self.folder / name for name in _NAMES[hierarchy.unified])
        self._shares = None if hierarchy.unified else _group_for_processors(self.folder.name)

    def add(self, process: int) -> None:
        """Move a process into the group; its later children are in it too. Raises `OSError`."""
        (self.folder / "cgroup.procs").write_text(str(process), encoding="ascii")
        if self._shares is not None:
            with suppress(OSError):
                (self._shares / "cgroup.procs").write_text(str(process), encoding="ascii")

    def limit(self, beyond: int) -> None:
        """Let the group use `beyond` more bytes than now; then it is the child that is killed."""
        used = int(self._used.read_text(encoding="ascii"))
        self._most.write_text(str(used + beyond), encoding="ascii")

    def close(self) -> None:
        """Remove the group, as soon as its last process has gone."""
        deadline = time.monotonic() + _SECONDS_TO_EMPTY
        for folder in filter(None, (self.folder, self._shares)):
            _remove(folder, deadline)


def why_not() -> str:
    """Why no sandbox can have a group here (`HOW` says how to get one); "" where each will.

    Call it before the processes that start sandboxes are made: it may have to move this process
    into a group of its own below the present one.
    """
    try:
        Group().close()
    except NoGroup as reason:
        return str(reason)
    return ""


def remove_groups_of(processes: Iterable[int]) -> None:
    """Remove what processes that have ended left behind, as soon as their sandboxes have gone."""
    there = (memory_hierarchy(), hierarchy_of("cpu"))
    places = {place for one in there if one for place in (one.root, one.own, one.own.parent)}
    deadline = time.monotonic() + _SECONDS_TO_EMPTY
    for process in processes:
        for place in places:
            for folder in place.glob(f"{PREFIX}{process}-*"):
                _remove(folder, deadline)


def _remove(folder: Path, deadline: float) -> None:
    while True:
        try:
            folder.rmdir()
        except OSError as error:
            if error.errno != errno.EBUSY or time.monotonic() > deadline:
                return
            time.sleep(0.01)
        else:
            return


def _group_for_processors(name: str) -> Path | None:
    """A group of version 1 that gets its part of the processors; None where there can be none.

    In version 2 the group for memory is this one, too.
    """
    hierarchy = hierarchy_of("cpu")
    if hierarchy is None or hierarchy.unified:
        return None
    for place in dict.fromkeys((hierarchy.own, hierarchy.root)):
        with suppress(OSError):
            _sweep(place)
            (place / name).mkdir()
            return place / name
    return None


def _settings(hierarchy: Hierarchy) -> dict[str, str]:
    """No swap, and few processes; the limit on memory comes when the sandbox is ready."""
    if not hierarchy.unified:
        return {"memory.limit_in_bytes": "-1", "memory.swappiness": "0"}
    settings = {"memory.max": "max", "pids.max": str(PROCESSES)}
    return settings | ({"memory.swap.max": "0"} if _has_swap() else {})


def _has_swap() -> bool:
    return Path("/proc/swaps").read_text(encoding="utf-8").count("\n") > 1


def _parent(hierarchy: Hierarchy) -> Path:
    """The group below which others can be made: this process's own, or the top one."""
    own = hierarchy.own.parent if hierarchy.own.name == OWN_GROUP else hierarchy.own
    reasons = []
    for place in dict.fromkeys((own, hierarchy.root)):
        try:
            if hierarchy.unified:
                _hand_down(place)
            if not os.access(place, os.W_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        except OSError as error:
            reasons.append(_refused(place, error))
        else:
            return place
    raise NoGroup(reasons[0])


def _hand_down(place: Path) -> None:
    """Let groups below this one limit memory, which version 2 allows where it holds no process.

    They share out processors where that can be had.
    """
    switch = place / "cgroup.subtree_control"
    wanted = {"memory", "pids"}
    there = set((place / "cgroup.controllers").read_text(encoding="ascii").split())
    if not wanted <= there:
        raise OSError(errno.ENOENT, "it cannot limit memory and processes")
    handed = set(switch.read_text(encoding="ascii").split())
    if (wanted | ({"cpu"} & there)) <= handed:
        return
    if (place / "cgroup.procs").read_text(encoding="ascii").split() == [str(os.getpid())]:
        leaf = place / OWN_GROUP
        leaf.mkdir(exist_ok=True)
        (leaf / "cgroup.procs").write_text(str(os.getpid()), encoding="ascii")
    if missing := wanted - handed:
        switch.write_text(" ".join(f"+{name}" for name in sorted(missing)), encoding="ascii")
    if "cpu" in there - handed:
        with suppress(OSError):  # the kernel refuses it where a process has a realtime class
            switch.write_text("+cpu", encoding="ascii")


def _sweep(parent: Path) -> None:
    """Remove empty groups of graders that were killed."""
    for folder in parent.glob(f"{PREFIX}[0-9]*"):
        process = folder.name.removeprefix(PREFIX).partition("-")[0]
        if not os.path.exists(f"/proc/{process}"):
            with suppress(OSError):
                folder.rmdir()


def _refused(place: Path, error: OSError) -> str:
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"the control group {place} may not be changed"
    if error.errno == errno.EBUSY:
        return f"other processes live in the control group {place}"
    return f"the control group {place} cannot be used ({error.strerror})"
