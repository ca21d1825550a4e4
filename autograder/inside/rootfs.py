"""The files that a sandboxed process sees: libraries, read-only, and nothing else.

At level `namespaces` the zygote builds this view once; each child only adds a small private /tmp.
"""

from __future__ import annotations

import os
from pathlib import Path

from autograder import linux
from autograder.inside.spec import GpuAccess

DEVICES = ("/dev/null", "/dev/zero", "/dev/random", "/dev/urandom")
WRITABLE = "/scratch"  # the sandbox's own, empty at the start of each child
COMMON = "/tmp"  # noqa: S108 - where submissions expect to write; leads to the folder above
FOLDER_VARIABLES = (
    "HF_HOME",
    "HOME",
    "MPLCONFIGDIR",
    "TMPDIR",
    "TORCHINDUCTOR_CACHE_DIR",
    "XDG_CACHE_HOME",
)
WRITABLE_BYTES = 64 << 20
WRITABLE_FILES = 4096


def keep_files_in(folder: str) -> None:
    """Let libraries put what they want to keep into a folder that does not last."""
    os.environ.update(dict.fromkeys(FOLDER_VARIABLES, folder))


def enter_namespaces() -> None:
    """Leave the machine's namespaces for mounts, processes, network, IPC and host name.

    Root needs nothing more; an ordinary user also needs a user namespace, in which it stays itself.
    Must run before any thread is started. Returns in a new process, the first of its namespace;
    the old one only waits for it and ends with it.
    """
    private = linux.CLONE_NEWNS | linux.CLONE_NEWPID | linux.CLONE_NEWNET
    private |= linux.CLONE_NEWIPC | linux.CLONE_NEWUTS
    if os.geteuid() == 0:
        linux.unshare(private)
    else:
        uid, gid = os.geteuid(), os.getegid()
        linux.unshare(private | linux.CLONE_NEWUSER)
        Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
        Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1", encoding="ascii")
        Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1", encoding="ascii")
    linux.mount("", "/", flags=linux.MS_REC | linux.MS_PRIVATE)
    inner = os.fork()
    if inner != 0:
        os.closerange(3, os.sysconf("SC_OPEN_MAX"))
        os.waitpid(inner, 0)
        os._exit(0)
    linux.die_with_parent()


def enter_view(
    root: str,
    libraries: tuple[str, ...],
    secrets: tuple[str, ...],
    gpu: GpuAccess | None = None,
) -> None:
    """Replace the root directory by one with `libraries` alone, and `secrets` covered in it."""
    flags = linux.MS_NOSUID | linux.MS_NODEV
    linux.mount("tmpfs", root, "tmpfs", flags, "size=1m,mode=755")
    for library in libraries:
        _show(library, root)
    for secret in secrets:
        _cover(secret, root)
    for folder in (WRITABLE, "/dev", "/proc"):
        os.makedirs(root + folder, exist_ok=True)
    if not os.path.lexists(root + COMMON):  # it is there where a library lies below it
        os.symlink(WRITABLE, root + COMMON)
    linux.make_read_only(root)
    linux.mount("tmpfs", root + "/dev", "tmpfs", linux.MS_NOSUID, "size=64k,mode=755")
    for device in (*DEVICES, *(gpu.devices if gpu else ())):
        _bind(device, root + device)
    for handle in gpu.handles if gpu else ():
        _bind(handle, root + kept_handle(handle))
    os.symlink(WRITABLE, root + "/dev/shm")  # where locks between threads are made # noqa: S108
    flags = linux.MS_REMOUNT | linux.MS_BIND | linux.MS_RDONLY | linux.MS_NOSUID
    linux.mount("", root + "/dev", flags=flags)
    linux.enter_root(root)


def kept_handle(handle: str) -> str:
    """Where the view keeps an owner's file of shared handles, which children need for a moment."""
    return f"/dev/{os.path.basename(handle)}"


def enter_private_folder() -> None:
    """Give this process a mount namespace of its own with an empty folder of limited size."""
    linux.unshare(linux.CLONE_NEWNS)
    linux.mount(
        "tmpfs",
        WRITABLE,
        "tmpfs",
        linux.MS_NOSUID | linux.MS_NODEV | linux.MS_NOEXEC,
        f"size={WRITABLE_BYTES},nr_inodes={WRITABLE_FILES},mode=1777",
    )
    os.chdir(WRITABLE)


def _show(path: str, root: str) -> None:
    """Bind a library folder or file below the new root, with the symbolic links to it."""
    if not os.path.exists(path):
        return
    if os.path.islink(path):
        os.makedirs(os.path.dirname(root + path), exist_ok=True)
        if not os.path.lexists(root + path):
            os.symlink(os.readlink(path), root + path)
        return
    if not os.path.exists(root + path):
        _bind(path, root + path)


def _bind(source: str, target: str) -> None:
    if os.path.isdir(source):
        os.makedirs(target, exist_ok=True)
    else:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        Path(target).touch()
    linux.mount(source, target, flags=linux.MS_BIND | linux.MS_REC)


def _cover(path: str, root: str) -> None:
    """Hide a folder or file that lies inside a library folder."""
    target = root + path
    if os.path.isdir(target):
        linux.mount("tmpfs", target, "tmpfs", linux.MS_RDONLY, "size=4k,mode=000")
    elif os.path.isfile(target):
        linux.mount("/dev/null", target, flags=linux.MS_BIND)


def without(libraries: tuple[str, ...], secrets: tuple[str, ...]) -> list[str]:
    """The libraries with every folder that holds a secret replaced by its other entries.

    For Landlock, which can only allow: what is hidden must not lie below anything allowed.
    """
    allowed: list[str] = []
    for library in libraries:
        inside = [secret for secret in secrets if is_within(secret, library)]
        if not inside:
            allowed.append(library)
        elif library not in inside and os.path.isdir(library):
            entries = tuple(sorted(entry.path for entry in os.scandir(library)))
            allowed += without(entries, tuple(inside))
    return allowed


def is_within(path: str, folder: str) -> bool:
    """Whether a path is this folder or lies below it."""
    return path.startswith(folder.rstrip("/") + "/") or path == folder.rstrip("/")


def closed_folder(paths: tuple[str, ...]) -> str:
    """A folder of a library, or on the way to it, that is closed to other users; "" for none."""
    folders = {str(folder) for path in paths for folder in (Path(path), *Path(path).parents)}
    closed = (f for f in sorted(folders) if os.path.isdir(f) and not os.stat(f).st_mode & 0o001)
    return next(closed, "")
