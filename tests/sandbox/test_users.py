"""Children of root get a user id that is nobody's, also where few ids exist."""

from __future__ import annotations

import os
import pwd
import subprocess
import sys
from pathlib import Path

import pytest

from autograder.sandbox.users import FIRST_CHOICE, IN_SMALL_NAMESPACES, free_user

CHECKOUT = Path(__file__).resolve().parents[2]
DYNAMIC_USERS_OF_SYSTEMD = range(61_184, 65_520)
SMALL_NAMESPACE = """
import os, sys
reading, writing = os.pipe()
pid = os.fork()
if pid == 0:
    import ctypes
    assert ctypes.CDLL(None).unshare(0x10000000) == 0
    os.write(writing, b"x")
    while open("/proc/self/uid_map").read().split()[-1:] != ["65536"]:
        pass
    while open("/proc/self/gid_map").read().split()[-1:] != ["65536"]:
        pass
    from autograder.sandbox.users import free_user
    print(free_user(int(sys.argv[1])))
    sys.stdout.flush()
    os._exit(0)
os.read(reading, 1)
for name in ("uid_map", "gid_map"):
    open(f"/proc/{pid}/{name}", "w").write("0 0 65536")
raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""


def test_the_ids_belong_to_nobody() -> None:
    for worker in (0, 1, 3_999, 123_456):
        user = free_user(worker)
        assert user in FIRST_CHOICE or user in IN_SMALL_NAMESPACES
        assert user not in DYNAMIC_USERS_OF_SYSTEMD
        with pytest.raises(KeyError):
            pwd.getpwuid(user)


def test_workers_have_different_ids() -> None:
    assert len({free_user(worker) for worker in range(200)}) == 200


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="needs root on Linux")
def test_in_a_user_namespace_of_65536_ids_one_of_these_is_taken() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SMALL_NAMESPACE, "7"],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if "AssertionError" in done.stderr:
        pytest.skip("no user namespaces here")
    assert int(done.stdout) in IN_SMALL_NAMESPACES, done.stderr
