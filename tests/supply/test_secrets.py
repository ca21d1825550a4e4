"""Secrets of the grader's environment reach no submission, through no process on the way."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from machine import CHECKOUT, kernel_lacks

pytestmark = pytest.mark.slow

SECRET = "a-canary-that-only-the-environment-holds"
SEARCH = f"""
import ctypes, gc, glob, os, sys
import torch

def everything():
    yield from os.environ.items()
    yield from os.environb.items()
    libc = ctypes.CDLL(None)
    libc.getenv.restype = ctypes.c_char_p
    yield libc.getenv(b"MOELAB_TEST_SECRET")
    names = ctypes.POINTER(ctypes.c_char_p).in_dll(libc, "environ")
    for number in range(10_000):
        if not names[number]:
            break
        yield names[number]
    for path in (*glob.glob("/proc/*/environ"), "/proc/self/environ"):
        try:
            yield open(path, "rb").read()
        except OSError:
            continue
    for one in gc.get_objects():
        if type(one) in (dict, list, tuple) and one is not globals():
            yield from (x for x in (one.values() if type(one) is dict else one)
                        if type(x) in (str, bytes))

half, rest = {SECRET[:20]!r}, {SECRET[20:]!r}
found = [x for x in everything() if (half + rest) in str(x)]

def {{function}}(*arguments, **more):
    raise ValueError("FOUND" if found else "NOTHING FOUND")
"""


@pytest.mark.sandbox
def test_a_secret_of_the_environment_is_nowhere_in_a_submission(tmp_path: Path) -> None:
    if reason := kernel_lacks("landlock"):
        pytest.skip(reason)
    search = SEARCH.format(function="compute_load_balancing_loss")
    (tmp_path / "ada.py").write_text(search, encoding="utf-8")
    report = tmp_path / "grades.json"
    order = [str(tmp_path / "ada.py"), "--assignment", "moe_router_analysis", "--json", str(report)]
    order += ["--gradebook", f"sqlite:///{tmp_path}/book.db", "--jobs", "1"]
    done = subprocess.run(
        [sys.executable, "-m", "autograder.cli", "grade", *order],
        cwd=CHECKOUT,
        env=os.environ | {"MOELAB_TEST_SECRET": SECRET},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said = report.read_text(encoding="utf-8")
    assert "NOTHING FOUND" in said
    assert '"FOUND' not in said.replace("NOTHING FOUND", "")
    assert "raised ValueError: FOUND" not in said
    assert SECRET not in said + done.stdout + done.stderr
