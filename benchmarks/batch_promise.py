"""Grade a class of twenty honest submissions with each hostile file among them, one after another.

    python benchmarks/batch_promise.py [--write FILE] [--students 20] [NAME ...]

Prints a Markdown table, or puts it between the two marks in a file: for each hostile file whether
all honest grades are the same as without it, what was left of it, and how long the batch took. That
takes about fifteen minutes. Exits with 1 when the promise was broken once.
"""

from __future__ import annotations

import argparse
import platform
import sys
from pathlib import Path

import with_tests  # noqa: F401
from hostile_batch import LIMITS, STUDENTS, Batch, Hostile, Room, hostile_files

BEGIN, END = "<!-- batch table: begin -->", "<!-- batch table: end -->"
SLACK_SECONDS = 30.0  # beyond the time limits: killing, and a machine that is busy


def main(arguments: list[str]) -> int:
    """Grade, print or write; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--write", type=Path, metavar="FILE")
    parser.add_argument("--students", type=int, default=STUDENTS)
    asked = parser.parse_args(arguments)
    wanted = [one for one in hostile_files() if not asked.names or one.name in asked.names]
    if not wanted:
        raise SystemExit(f"no hostile file has one of these names: {', '.join(asked.names)}")
    room = Room("auto", students=asked.students)
    batches = []
    try:
        for number, hostile in enumerate(wanted, start=1):
            batch = room.run(hostile)
            batches.append((hostile, batch))
            said = "; ".join(batch.harm) or "kept"
            print(f"{number}/{len(wanted)} {hostile.name}: {said}", file=sys.stderr, flush=True)
    finally:
        room.close()
    text = "\n".join(_lines(batches, room))
    if asked.write is not None:
        before, _, rest = asked.write.read_text(encoding="utf-8").partition(BEGIN)
        after = rest.partition(END)[2]
        asked.write.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", encoding="utf-8")
    else:
        print(text)
    return int(any(batch.harm for _, batch in batches))


def _lines(batches: list[tuple[Hostile, Batch]], room: Room) -> list[str]:
    broken = sum(bool(batch.harm) for _, batch in batches)
    longest = max(batch.seconds for _, batch in batches)
    limit = LIMITS.total + room.seconds_alone + SLACK_SECONDS
    late = sum(batch.seconds > limit for _, batch in batches)
    return [
        f"{len(batches)} hostile files, each among {len(room.alone)} honest submissions, at "
        f"`{room.isolation}` on Linux {platform.release().split('-')[0]}, {platform.machine()}; "
        f"the same two worker processes for all batches; {LIMITS.call:g} s for a call, "
        f"{LIMITS.total:g} s for a submission. The promise was broken {broken or 'not once'}. The "
        f"longest batch took {longest:.1f} s (without a hostile file {room.seconds_alone:.1f} s); "
        f"{late or 'none'} took {SLACK_SECONDS:g} s more than the limits allow.",
        "",
        "| Hostile file | How its checks ended | Honest grades, machine | Batch, s |",
        "| --- | --- | --- | ---: |",
        *(
            f"| {one.title.rstrip('.')} (`{one.name}`) | {batch.ended} | "
            f"{_cell(batch.harm)} | {batch.seconds:.1f} |"
            for one, batch in batches
        ),
    ]


def _cell(harm: tuple[str, ...]) -> str:
    return f"**{'; '.join(harm)}**".replace("|", "/") if harm else "the same, nothing left"


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
