"""Python processes of ours trust no folder: the current one is on no path that they import from.

A folder of submissions is full of files that strangers named, and Python looks for modules in the
current folder first wherever it is started as `python -c` or `python -m`. So the command line comes
here first, and so does whatever starts a process. Nothing is imported here that Python does not
carry frozen (`from __future__` would be): until the folder has been left, any import may be a
stranger's file.
"""

import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))  # holds the package autograder


def leave_current_folder() -> None:
    """Take the current folder off this process's path: every entry that is not absolute."""
    sys.path[:] = [entry for entry in sys.path if os.path.isabs(entry)]


def isolate_children() -> None:
    """Keep the current folder off the path of every Python that this process starts from now on.

    `PYTHONSAFEPATH` also reaches those that `multiprocessing` starts. An entry of `PYTHONPATH` that
    is not absolute goes: an empty one, which a leading colon leaves, means the current folder.
    """
    leave_current_folder()
    os.environ["PYTHONSAFEPATH"] = "1"
    kept = [one for one in os.environ.get("PYTHONPATH", "").split(os.pathsep) if os.path.isabs(one)]
    os.environ.pop("PYTHONPATH", None)
    if kept:
        os.environ["PYTHONPATH"] = os.pathsep.join(kept)


def isolated(program: str) -> list[str]:
    """The command that runs the text of a program with our packages and the libraries alone.

    `-I` leaves out the current folder and all variables of Python. The program gets the path of
    this process instead, without entries that are not absolute.
    """
    path = [entry for entry in sys.path if os.path.isabs(entry)]
    path += [] if ROOT in path else [ROOT]
    return [sys.executable, "-I", "-B", "-c", f"import sys\nsys.path[:] = {path!r}\n{program}"]


def restart_isolated(module: str, file: str) -> None:
    """Start `python -m MODULE` again as `python -P FILE`, with the same options and arguments.

    With `-m`, Python has put the current folder on the path before any line of ours ran. Does
    nothing where the folder is not there, or where the process was started in another way.
    """
    given = sys.orig_argv
    if sys.flags.safe_path or sys.platform == "win32" or "-m" not in given:
        return
    place = given.index("-m")
    if given[place + 1 : place + 2] != [module]:
        return
    options = given[1:place]
    os.execv(sys.executable, [sys.executable, *options, "-P", file, *sys.argv[1:]])  # noqa: S606
