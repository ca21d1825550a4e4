"""Let every hostile submission loose at every isolation level, and print what came of it.

    python benchmarks/attack_table.py [--write docs/security.md]

Prints a Markdown table, attack × (level, user), or puts it between the two marks in a file. As
root, each level is also tried as an ordinary user, and `landlock` as root in a container such as
Docker makes by default. Exits with 1 when an attack gained something.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "sandbox"), str(ROOT / "tests" / "hostile")]

from arena import Arena, Attack, attacks
from machine import SEED, WORKER, as_ordinary_user, elsewhere, kernel_lacks, sandbox_at

LEVELS = ("namespaces", "landlock")
BEGIN, END = "<!-- attack table: begin -->", "<!-- attack table: end -->"


def measure(level: str, names: frozenset[str] = frozenset()) -> dict[str, str]:
    """How each attack (of these names) ended at a level, as this user: a word, or gains in bold."""
    arena = Arena(sandbox_at(level), SEED, WORKER)
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
        "same values as before.",
        "",
        *_rows("Attack on the sandbox", attacks(), columns),
        "",
        *_rows("Attack on grading (points earned)", attacks("grading"), columns),
    ]
    return "\n".join(lines)


def main(arguments: list[str]) -> int:
    """Measure, print or write; the exit status."""
    if arguments[:1] == ["--measure"]:
        print(json.dumps(measure(arguments[1], frozenset(arguments[2:]))))
        return 0
    columns: dict[str, dict[str, str]] = {}
    for level in LEVELS:
        if reason := kernel_lacks(level):
            print(f"not tried at {level}: {reason}", file=sys.stderr)
            continue
        for user, (command, reason) in _users(level).items():
            if reason:
                print(f"not tried at {level} as {user}: {reason}", file=sys.stderr)
                continue
            columns[f"{level}, {user}"] = _measured([*command, __file__, "--measure", level])
    text = table(columns)
    if arguments[:1] == ["--write"]:
        page = Path(arguments[1])
        before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
        after = rest.partition(END)[2]
        page.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", encoding="utf-8")
    else:
        print(text)
    return int(any("**" in cell for column in columns.values() for cell in column.values()))


def _chosen(tried: tuple[Attack, ...], names: frozenset[str]) -> list[Attack]:
    return [attack for attack in tried if not names or attack.name in names]


def _users(level: str) -> dict[str, tuple[list[str], str]]:
    """As whom a level can be tried: a command that runs Python, and why there is none."""
    if os.geteuid() != 0:
        return {"ordinary user": ([sys.executable], "")}
    users = {"root": ([sys.executable], ""), "ordinary user": as_ordinary_user()}
    if level == "landlock":
        users["root in a container"] = elsewhere("container")
    return users


def _measured(command: list[str]) -> dict[str, str]:
    with tempfile.TemporaryDirectory() as home:
        os.chmod(home, 0o777)
        own = {"HOME": home, "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(
            command, cwd=ROOT, env=os.environ | own, stdout=subprocess.PIPE, text=True, check=True
        )
    found: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    return found


def _rows(heading: str, rows: tuple[Attack, ...], columns: dict[str, dict[str, str]]) -> list[str]:
    return [
        f"| {heading} | {' | '.join(columns)} |",
        f"| --- |{' --- |' * len(columns)}",
        *(
            f"| {row.title.rstrip('.')} (`{row.name}`) | "
            + " | ".join(column[row.name] for column in columns.values())
            + " |"
            for row in rows
        ),
    ]


def _cell(outcome: str, gains: tuple[str, ...]) -> str:
    return f"**{outcome}: {'; '.join(gains)}**".replace("|", "/") if gains else outcome


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
