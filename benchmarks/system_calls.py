"""Learn which system calls honest work makes, and compare with the sandbox's allow-list.

    python benchmarks/system_calls.py

Runs every reference solution with its checks, and the honest code of the tests, in a process like a
sandbox's child but without a filter, under strace. Prints the calls that were made and would be
refused, with how often, and those that are allowed and were never made. Needs strace.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import textwrap
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import torch

torch.set_num_threads(1)

import pyseccomp
import with_tests
from honest_code import EVERYWHERE, WITH_FILES, function
from seccomp_machine import ALLOW, verdict

from autograder.authoring.course import assignment_names, load_assignment
from autograder.grading.fixtures import Fixtures
from autograder.grading.judge import judge_exercise
from autograder.grading.sessions import LocalSession
from autograder.inside.lockdown import system_call_filter
from autograder.inside.runner import Runner
from autograder.inside.syscalls import CHANGING_FILES, SYSCALLS

BEGIN = "/the-honest-work-begins"
CALL = re.compile(r"^\d+ +(\w+)\((.*)")
NUMBER = re.compile(
    r"0x[0-9a-f]+|-?(?:0|[1-9]\d*)(?!\d)"
)  # octal ones are modes, which decide nothing


def work() -> None:
    """Warm up as a zygote does, fork, and let the child do what submissions do."""
    Runner("system calls").warm_up()
    assignments = [load_assignment(name) for name in assignment_names("reference")]
    os.path.exists(BEGIN)
    child = os.fork()
    if child == 0:
        try:
            torch.set_num_threads(4)
            with tempfile.TemporaryDirectory() as folder:
                os.chdir(folder)
                _do_honest_work(assignments)
        finally:
            os._exit(0)
    os.waitpid(child, 0)


def _do_honest_work(assignments: list[object]) -> None:
    for name, body in (EVERYWHERE | WITH_FILES).items():
        space: dict[str, object] = {}
        exec(textwrap.dedent(function(body)), space)
        try:
            space["f"]()
        except Exception as error:
            print(f"{name}: {error}", file=sys.stderr)
    for assignment in assignments:
        fixtures = Fixtures(assignment.name, "system calls")
        for exercise in assignment.exercises:
            session = LocalSession({exercise.name: exercise.solution_function}, fixtures.bench)
            judge_exercise(exercise, session, fixtures)


def calls(trace: Path) -> Iterator[tuple[str, tuple[int, ...]]]:
    """The calls after the beginning: name, and the arguments that are numbers (others as 0)."""
    begun = False
    with trace.open(errors="replace") as lines:
        for line in lines:
            matched = CALL.match(line)
            if matched and begun:
                parts = matched[2].partition(") ")[0].split(", ")[:6]
                yield matched[1], tuple(_number(part) for part in parts)
            begun = begun or BEGIN in line


def _number(text: str) -> int:
    found = NUMBER.match(text.partition("=")[2] or text)
    return int(found[0], 0) & (2**64 - 1) if found else 0


def main() -> int:
    """Trace and compare; the exit status of the traced work."""
    with tempfile.TemporaryDirectory() as folder:
        trace = Path(folder, "trace")
        command = ["strace", "-f", "-qq", "-X", "raw", "-o", str(trace), sys.executable, __file__]
        status = subprocess.run([*command, "--work"], cwd=with_tests.ROOT, check=False).returncode
        made = Counter(calls(trace))
    architecture = pyseccomp.system_arch()
    program = system_call_filter(own_namespaces=True)
    names: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    for (name, arguments), times in made.items():
        names[name] += times
        if verdict(program, architecture, name, *arguments) != ALLOW:
            refused[name] += times
    here = [name for name in (*SYSCALLS, *CHANGING_FILES) if _exists(architecture, name)]
    print(f"{len(names)} different system calls were made, {sum(names.values()):,} in all.")
    print("made and refused: " + (", ".join(f"{n} ({t})" for n, t in refused.most_common()) or "–"))
    print("allowed and never made: " + " ".join(sorted(set(here) - set(names))))
    return status


def _exists(architecture: int, name: str) -> bool:
    return pyseccomp.resolve_syscall(architecture, name) >= 0


if __name__ == "__main__":
    raise SystemExit(work() if sys.argv[1:] == ["--work"] else main())
