"""Attacks whose chances depend on the user and the level, tried as others and in a container.

All attacks run at each level as the user of the tests (`test_hostile.py`), and in every way by
`benchmarks/attack_table.py`.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile

import pytest
from machine import CHECKOUT, elsewhere, kernel_lacks

pytestmark = pytest.mark.slow

NAMES = (
    "daemonize",
    "disk_bomb",
    "open_sockets",
    "read_environment",
    "read_grader_files",
    "read_proc",
    "signal_others",
    "start_processes",
    "thread_bomb",
    "trace_others",
    "walk_the_disk",
    "write_lasting_files",
)
WAYS = {"user": ("namespaces", "landlock"), "container": ("landlock",)}


@pytest.mark.sandbox
@pytest.mark.parametrize("way", WAYS)
def test_attacks_gain_nothing_as_other_users_and_in_containers(way: str) -> None:
    command, reason = elsewhere(way)
    levels = [level for level in WAYS[way] if not kernel_lacks(level)]
    if reason or not levels:
        pytest.skip(reason or kernel_lacks(WAYS[way][0]))
    with tempfile.TemporaryDirectory() as home:
        os.chmod(home, 0o777)
        done = subprocess.run(
            [*command, "benchmarks/attack_table.py", "--measure", ",".join(levels), *NAMES],
            cwd=CHECKOUT,
            env=os.environ | {"HOME": home, "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    for level, line in zip(levels, lines, strict=True):
        found = json.loads(line)
        assert set(found) <= set(NAMES)
        assert len(found) >= 10
        won = [f"{name}: {cell}" for name, cell in found.items() if cell.startswith("**")]
        assert won == [], level
