"""Let every hostile submission loose at every isolation level, and print what came of it.

    python benchmarks/attack_table.py [--write docs/evidence/attacks.md] [--keep FILE]

Prints a Markdown table, attack × (level, place), or puts it between the two marks in a file. As
root, each level is also tried as an ordinary user and in small groups: a control group below the
top one that shares out processors, and one in which few processes may run. `landlock` is tried in a
container such as Docker makes by default, and there in small groups. `--keep` holds what was
measured, column by column; a run goes on with the attacks that are missing in a column. In small
groups those are tried whose chances depend on them. Exits with 1 when an attack gained something.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import with_tests
from arena import Arena, Attack, attacks
from machine import LIMITS, SEED, WORKER, as_ordinary_user, elsewhere, kernel_lacks

from autograder.sandbox.cgroups import free_processes, hierarchy_of
from autograder.sandbox.isolation import Sandbox
from autograder.sandbox.limits import sharing_threads

LEVELS = ("namespaces", "landlock")
PROCESSES = 96  # that may run in a small group, the grader's own among them
SMALL = "in small groups"
# Attacks whose chances depend on processes, processors and the shares of others.
GREEDY = """
    end_after_every_answer finish_in_a_thread forge_probe_chain signal_through_locks start_processes
    switch_off_the_count take_the_processor thread_bomb
"""
BEGIN, END = "<!-- attack table: begin -->", "<!-- attack table: end -->"


def measure(level: str, names: frozenset[str] = frozenset()) -> dict[str, str]:
    """How each attack (of these names) ended at a level, as this user: a word, or gains in bold."""
    limits = sharing_threads(1, LIMITS, free_processes())[1]
    sandbox = Sandbox((level,), SEED, limits, worker=WORKER)
    arena = Arena(sandbox, SEED, WORKER)
    found = {}
    for attack in _chosen(attacks(), names):
        result = arena.run(attack)
        found[attack.name] = _cell(result.outcome, result.gains)
    for attack in _chosen(attacks("grading"), names):
        grade = arena.grade(attack.path.read_bytes(), attack.exercise)
        earned = f"{grade.score:g} of {grade.possible:g}"
        too_much = attack.earns == "0" and grade.score > 0
        too_much |= attack.earns == "less than all" and grade.score >= grade.possible
        found[attack.name] = _cell(earned, (*arena.harm(), *(["points"] if too_much else [])))
    arena.close()
    sandbox.close()
    return found


def table(columns: dict[str, dict[str, str]]) -> str:
    """The measured columns as Markdown."""
    gains = sum(cell.startswith("**") for column in columns.values() for cell in column.values())
    everything = (*attacks(), *attacks("grading"))
    lines = [
        f"{len(everything)} attacks on Linux {platform.release().split('-')[0]}, "
        f"{platform.machine()}, Python {platform.python_version()}: "
        f"{gains or 'no'} success{'' if gains == 1 else 'es'}, and after each attack no process, "
        "descriptor, file, connection or shared memory was left, and an honest submission got the "
        "same values as before. – not tried there.",
        "",
        *_rows("Attack on the sandbox", attacks(), columns),
        "",
        *_rows("Attack on grading (points earned)", attacks("grading"), columns),
    ]
    return "\n".join(lines)


def main(arguments: list[str]) -> int:
    """Measure, print or write; the exit status."""
    if arguments[:1] == ["--measure"]:
        for level in arguments[1].split(","):
            print(json.dumps(measure(level, frozenset(arguments[2:]))))
        return 0
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", type=Path, metavar="FILE")
    parser.add_argument("--keep", type=Path, metavar="FILE")
    asked = parser.parse_args(arguments)
    kept = asked.keep is not None and asked.keep.exists()
    columns: dict[str, dict[str, str]] = json.loads(asked.keep.read_text()) if kept else {}
    for level in LEVELS:
        if reason := kernel_lacks(level):
            print(f"not tried at {level}: {reason}", file=sys.stderr)
            continue
        for place, (command, reason) in _places(level).items():
            name = f"{level}, {place}"
            if reason:
                print(f"not tried at {level} as {place}: {reason}", file=sys.stderr)
            elif missing := sorted(_tried(place) - columns.get(name, {}).keys()):
                began = time.monotonic()
                found = _measured([*command, __file__, "--measure", level, *missing], place)
                columns[name] = columns.get(name, {}) | found
                print(f"{name}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
                if asked.keep is not None:
                    asked.keep.write_text(json.dumps(columns), encoding="utf-8")
    text = table(columns)
    if asked.write is not None:
        before, _, rest = asked.write.read_text(encoding="utf-8").partition(BEGIN)
        after = rest.partition(END)[2]
        asked.write.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", encoding="utf-8")
    else:
        print(text)
    return int(any("**" in cell for column in columns.values() for cell in column.values()))


def _tried(place: str) -> set[str]:
    """The names of the attacks that are tried in a place."""
    names = {attack.name for folder in ("attacks", "grading") for attack in attacks(folder)}
    return names & set(GREEDY.split()) if place.endswith(SMALL) else names


def _chosen(tried: tuple[Attack, ...], names: frozenset[str]) -> list[Attack]:
    return [attack for attack in tried if not names or attack.name in names]


def _places(level: str) -> dict[str, tuple[list[str], str]]:
    """Where a level can be tried: a command that runs Python there, and why there is none."""
    if os.geteuid() != 0:
        return {"ordinary user": ([sys.executable], "")}
    places = {"root": ([sys.executable], ""), "ordinary user": as_ordinary_user()}
    if level == "landlock":
        places["root in a container"] = elsewhere("container")
        command, reason = elsewhere("container")
        places[f"root in a container {SMALL}"] = (command, reason or _no_groups())
    else:
        places[f"root {SMALL}"] = ([sys.executable], _no_groups())
    return places


def _no_groups() -> str:
    """Why no small groups can be made here; "" where they can."""
    try:
        with _small_groups():
            return ""
    except OSError as error:
        return f"control groups cannot be made here: {error}"


@contextlib.contextmanager
def _small_groups() -> Iterator[Callable[[], None]]:
    """A control group for processors and one for few processes; gives what moves a process there.

    Raises `OSError`.
    """
    made = []
    try:
        for controller in ("cpu", "pids"):
            hierarchy = hierarchy_of(controller)
            if hierarchy is None:
                raise OSError(f"there is no hierarchy for {controller}")
            if not (hierarchy.unified and made):  # version 2: one group for both
                above = hierarchy.root if hierarchy.unified else hierarchy.own
                made.append(above / f"moelab-table-{secrets.token_hex(4)}")
                made[-1].mkdir()
        (made[-1] / "pids.max").write_text(str(PROCESSES), encoding="ascii")

        def enter() -> None:
            for folder in made:
                (folder / "cgroup.procs").write_text(str(os.getpid()), encoding="ascii")

        yield enter
    finally:
        for folder in made:
            for _ in range(100):  # until the last process has gone
                with contextlib.suppress(OSError):
                    for group in (*filter(Path.is_dir, folder.iterdir()), folder):
                        group.rmdir()
                if not folder.exists():
                    break
                time.sleep(0.1)


def _measured(command: list[str], place: str) -> dict[str, str]:
    with tempfile.TemporaryDirectory() as home, contextlib.ExitStack() as stack:
        os.chmod(home, 0o777)
        own = {"HOME": home, "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
        enter = stack.enter_context(_small_groups()) if place.endswith(SMALL) else None
        done = subprocess.run(
            command,
            cwd=with_tests.ROOT,
            env=os.environ | own,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            preexec_fn=enter,
        )
    found: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    return found


def _rows(heading: str, rows: tuple[Attack, ...], columns: dict[str, dict[str, str]]) -> list[str]:
    return [
        f"| {heading} | {' | '.join(columns)} |",
        f"| --- |{' --- |' * len(columns)}",
        *(
            f"| {row.title.rstrip('.')} (`{row.name}`) | "
            + " | ".join(column.get(row.name, "–") for column in columns.values())
            + " |"
            for row in rows
        ),
    ]


def _cell(outcome: str, gains: tuple[str, ...]) -> str:
    return f"**{outcome}: {'; '.join(gains)}**".replace("|", "/") if gains else outcome


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
