"""Let attacks loose on plain Otter and on Otter with moelab's package, and print what they won.

    python benchmarks/otter_attack_table.py [NAME ...] [--write docs/evidence/attacks.md] [--jobs N]

Both columns are `otter run` on the same submissions for the same two functions. Plain Otter,
which isolates nothing, has a place of its own: three minutes, no network but a loop, no other
processes, and a file system in which only a temporary folder can be written. Exits with 1 when an
attack wins with moelab's package.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib import metadata
from pathlib import Path

import with_tests
from attacks_on_otter import SECRET, Attack, attacks, submission
from otter.generate import main as otter_generate

from autograder.authoring.course import load_assignment
from autograder.otter.engine import Order
from autograder.otter.package.contents import package

SECONDS = 180  # for plain Otter
ENOUGH = 900  # for moelab, which ends by itself
BEGIN, END = "<!-- otter attack table: begin -->", "<!-- otter attack table: end -->"
OPTIONS = ("--time-limit", "5", "--total-time", "60", "--memory-limit", "512MiB")

_GAINS = {"code": "its code ran outside any sandbox", "secret": "the results show a hidden test"}

_SEPARATE = """
mount --bind "$PLACE" "$PLACE" && mount -o remount,bind,ro / && ip link set lo up
cd "$PLACE" && exec timeout -k 5 {seconds} "$@"
"""
_PLAIN_TEST = """\
from otter.test_files import test_case

OK_FORMAT = False
name = "{name}"
points = None


def _right_{name}(x):
    return {right}


@test_case(points=1)
def public({name}):
    assert {name}(6.0) == _right_{name}(6.0)


@test_case(points=4, hidden=True)
def hidden_numbers({name}):
    for x in (0.5, 1.25, -3.0):
        assert abs({name}(x) - _right_{name}(x)) < 1e-9
"""


def plain_package(folder: Path) -> Path:
    """Otter's package as its users make it: tests with the right answers in them."""
    tests = folder / "tests"
    tests.mkdir()
    for name, right in (("double", "2 * x"), ("halve", "x / 2")):
        (tests / f"{name}.py").write_text(_PLAIN_TEST.format(name=name, right=right))
    path = folder / "plain.zip"
    otter_generate(
        tests_dir=str(tests),
        output_path=str(path),
        no_config=True,
        no_requirements=True,
        no_environment=True,
    )
    return path


def moelab_package(folder: Path) -> Path:
    """The package of `moelab build` for the same functions."""
    order = Order(assignment="lab", course="attacked_course", options=OPTIONS)
    path = folder / "moelab.zip"
    path.write_bytes(package(load_assignment("lab", order.course), order))
    return path


def tried(attack: Attack, autograder: Path, *, separate: bool) -> str:
    """What came of one attack, in words; in bold where it won.

    `separate` puts it into namespaces of its own, for Otter's sake; moelab's sandbox makes its own.
    """
    with tempfile.TemporaryDirectory(prefix="otter-attack-") as name:
        place = Path(name)
        (place / "tmp").mkdir()
        marker = place / "marker"
        handed_in = submission(attack, place, marker)
        status, said = _run(place, autograder, handed_in, separate=separate)
        results = place / "results.json"
        text = results.read_text() if results.is_file() else ""
        found, possible = _points(text)
        won = {
            "points": bool(text) and found > 0,
            "harm": not text or found < attack.fair,
            "code": marker.exists(),
            "secret": SECRET in text,
        }[attack.wins]
        told = f"{found:g} of {possible:g} points" if text else _without_results(status, said)
        if won and attack.wins in _GAINS:
            told = f"{_GAINS[attack.wins]}; {told}"
        print(f"{attack.name}: {told}", file=sys.stderr, flush=True)
        return f"**{told}**" if won else told


def _run(place: Path, autograder: Path, handed_in: Path, *, separate: bool) -> tuple[int, str]:
    command = [str(Path(sys.executable).with_name("otter")), "run", "--no-logo"]
    command += ["-a", str(autograder), "-o", str(place), str(handed_in)]
    around = ["timeout", "-k", "5", str(ENOUGH)]
    if separate:
        around = ["unshare", "--user", "--map-root-user", "--mount", "--net", "--pid", "--fork"]
        around += ["--mount-proc", "--kill-child", "sh", "-c", _SEPARATE.format(seconds=SECONDS)]
        around += ["sh"]
    done = subprocess.run(
        [*around, *command],
        cwd=place,
        env={
            **os.environ,
            "PLACE": str(place),
            "HOME": str(place),
            "TMPDIR": str(place / "tmp"),
            "PYTHONPATH": f"{with_tests.ROOT}{os.pathsep}{with_tests.TESTS / 'courses'}",
        },
        capture_output=True,
        encoding="utf-8",
        errors="replace",
    )
    return done.returncode, done.stdout + done.stderr


def _points(results: str) -> tuple[float, float]:
    tests = json.loads(results)["tests"] if results else []
    return (
        sum(test.get("score", 0) for test in tests),
        sum(test.get("max_score", 0) for test in tests),
    )


def _without_results(status: int, said: str) -> str:
    if status in (124, 137):
        return "no results: still running when its time was over"
    lines = [line for line in said.strip().splitlines() if line.strip()]
    return f"no results: {lines[-1][:100] if lines else f'status {status}'}".replace("|", "/")


def table(folder: Path, jobs: int, names: Sequence[str]) -> tuple[str, bool]:
    """Both columns as Markdown, and whether nothing won with moelab's package."""
    tried_now = [attack for attack in attacks() if not names or attack.name in names]
    plain, ours = plain_package(folder), moelab_package(folder)
    lines = [
        f"`otter run` of otter-grader {metadata.version('otter-grader')}, Python "
        f"{sys.version.split()[0]}. In bold: the attack won.",
        "",
        "| Attack | plain Otter | Otter with moelab's package |",
        "| --- | --- | --- |",
    ]
    with ThreadPoolExecutor(jobs) as pool:
        with_otter = pool.map(lambda attack: tried(attack, plain, separate=True), tried_now)
        with_ours = pool.map(lambda attack: tried(attack, ours, separate=False), tried_now)
        rows = list(zip(tried_now, with_otter, with_ours, strict=True))
    lines += [f"| {a.title} (`{a.name}`) | {theirs} | {here} |" for a, theirs, here in rows]
    return "\n".join(lines), not any(here.startswith("**") for _, _, here in rows)


def main(arguments: list[str]) -> int:
    """Print the table or write it into a file; 1 where an attack won with moelab's package."""
    parser = argparse.ArgumentParser(description=__doc__)
    names = [attack.name for attack in attacks()]
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(names)}")
    parser.add_argument("--write", type=Path, metavar="FILE")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="otter-attacks-") as name:
        found, safe = table(Path(name), options.jobs, options.names)
    if options.write:
        page = options.write
        before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
        _, _, after = rest.partition(END)
        page.write_text(f"{before}{BEGIN}\n{found}\n{END}{after}", encoding="utf-8")
    else:
        print(found)
    return 0 if safe else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
