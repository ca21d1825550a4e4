"""Submissions per second on a full-scale model that a whole class shares, and what each takes.

    python benchmarks/full_scale.py FOLDER [--model deepseek-v2-lite] [--device cuda] [--jobs 16]
                                    [--copies 8] [--usual 3] [--course model_checks]

Grades FOLDER's submissions, each `--copies` times, with the model checks alone (or, with
`--course reference`, all checks of the lab). Prints the time from start to the first grade (imports
and making the weights included), the rate between the first and the last grade, the GPU memory per
prepared process, and beside it the usual way (`usual_way.py`) on the first script of FOLDER, one
after the other and two at once.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

STARTED = time.monotonic()

import with_tests  # noqa: F401

from autograder.cli.models import find_models
from autograder.grading.batch import Grading
from autograder.grading.settings import Settings
from autograder.records import Outcome
from autograder.sandbox.limits import Limits
from autograder.submission.discover import find_submissions


class Watcher(threading.Thread):
    """Samples the GPUs' memory in use (MiB) and their load until `stop`."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.samples: list[tuple[float, list[int]]] = []
        self._ended = threading.Event()

    def run(self) -> None:
        query = ["nvidia-smi", "--query-gpu=memory.used", "--format=csv,noheader,nounits"]
        while shutil.which(query[0]) and not self._ended.wait(0.3):
            text = subprocess.run(query, capture_output=True, text=True).stdout
            used = [int(line) for line in text.split()]
            self.samples.append((time.monotonic(), used))

    def stop(self) -> None:
        self._ended.set()
        self.join()


def busy_seconds() -> tuple[float, float]:
    """Processor time of the whole machine so far: all, and that of the kernel."""
    fields = Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()[1:]
    user, nice, system = (int(field) / os.sysconf("SC_CLK_TCK") for field in fields[:3])
    return user + nice + system, system


def grade(folder: Path, options: argparse.Namespace) -> None:
    models = find_models((options.model,), options.device, gpu_memory=options.gpu_memory)
    settings = Settings(
        seed="benchmark",
        isolation=options.isolation,
        course=options.course,
        placements=models.placements,
        limits=Limits(call=options.time_limit),
    )
    found = find_submissions((folder,))
    watcher = Watcher()
    watcher.start()
    times, scores, busy, lost = [], [], [], Counter()
    assignment = "lab" if options.course == "model_checks" else "moe_router_analysis"
    with Grading(settings, min(options.jobs, len(found)), models.choices) as grading:
        level = grading.isolation
        ready = time.monotonic()
        fewer = grading.fewer or f"{options.jobs} at once"
        jobs, copies = grading.jobs, grading.copies
        for one in grading.run(assignment, found):
            times.append(time.monotonic())
            busy.append(busy_seconds())
            scores.append(one.score)
            student = one.student.rpartition("-")[0]
            lost.update(
                f"{student}: {check.name} {check.outcome}: {check.message[:100]}"
                for exercise in one.exercises
                for check in exercise.checks
                if check.outcome not in (Outcome.PASSED, Outcome.SKIPPED)
            )
            lost.update(f"{student}: {note[:100]}" for note in one.notes)
    watcher.stop()
    span = times[-1] - times[0]
    middle = [t for t in times if times[0] + span * 0.1 <= t <= times[0] + span * 0.9]
    steady = (len(middle) - 1) / (middle[-1] - middle[0]) if len(middle) > 2 else float("nan")
    print(f"{options.model}, {copies} copies, {level}, {fewer}")
    print(f"  {len(times)} submissions, points {min(scores):g} to {max(scores):g}")
    print(f"  start to all workers ready   {ready - STARTED:6.1f} s")
    print(f"  start to first grade         {times[0] - STARTED:6.1f} s")
    print(f"  all grades after             {times[-1] - STARTED:6.1f} s")
    print(f"  first to last grade          {(len(times) - 1) / span:6.2f} submissions/s")
    print(f"  middle four fifths           {steady:6.2f} submissions/s")
    each = [(last - first) / (len(busy) - 1) for first, last in zip(busy[0], busy[-1], strict=True)]
    print(f"  processor time per submission {each[0]:5.2f} s, {each[1]:.2f} s of it in the kernel")
    _memory(watcher, jobs, copies, times[0])
    for line, count in lost.most_common(options.show):
        print(f"  {count:3} times {line}")


def _memory(watcher: Watcher, jobs: int, copies: int, since: float) -> None:
    if not watcher.samples or not copies:
        return
    children = 2 * jobs / copies  # one at work and one prepared ahead, per job
    during = [used[0] for when, used in watcher.samples if when >= since]
    alone = min((u[0] for _, u in watcher.samples if u[0] > 8000), default=0)
    if during and alone:
        each = (statistics.median(during) - alone) / children * 1.048576 / 1000
        print(
            f"  GPU memory: {alone} MiB before the first child, median {statistics.median(during)}"
        )
        print(f"  GPU memory per process beyond the weights {each:.2f} GB ({children:g} processes)")


def usual(script: Path, options: argparse.Namespace) -> None:
    command = [
        sys.executable,
        str(Path(__file__).with_name("usual_way.py")),
        str(script),
        options.model,
    ]
    for at_once in (1, 2):
        started = time.monotonic()
        done = 0
        for _ in range(options.usual):
            running = [
                subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(at_once)
            ]
            texts = [process.communicate()[0].strip() for process in running]
            done += at_once
        rate = done / (time.monotonic() - started)
        print(f"  usual way, {at_once} at once          {rate:6.2f} submissions/s ({texts[0]})")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", default="deepseek-v2-lite")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--gpu-memory", type=int, default=0, help="bytes of each GPU, 0 for all")
    parser.add_argument("--jobs", type=int, default=16)
    parser.add_argument("--copies", type=int, default=8)
    parser.add_argument("--show", type=int, default=10, help="failures to print, common ones first")
    parser.add_argument("--usual", type=int, default=3, help="rounds of the usual way")
    parser.add_argument("--course", default="model_checks", choices=("model_checks", "reference"))
    parser.add_argument("--isolation", default="namespaces")
    parser.add_argument("--time-limit", type=float, default=20.0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for file in sorted(options.folder.iterdir()):
            for copy in range(options.copies):
                shutil.copy(file, Path(folder) / f"{file.stem}-{copy}{file.suffix}")
        grade(Path(folder), options)
    scripts = sorted(options.folder.glob("*.py"))
    if options.usual and scripts:
        usual(scripts[0], options)


if __name__ == "__main__":
    main()
