"""Kill the grader (SIGKILL) at random moments in a run, start the same command again, and compare.

    python benchmarks/kill_the_grader.py [--submissions 200] [--kills 20] [--jobs 2] [--every 3]

With `--every`, another run goes on while a random process below the command is killed every so many
seconds. Proves that each submission is graded exactly once, with the same result as in a run that
nobody killed, and that no process or open file is left. Ends with an AssertionError where that is
not so.
"""

import argparse
import random
import tempfile
import time
from pathlib import Path

import with_tests  # noqa: F401
from interrupting import Ordeal

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--submissions", type=int, default=200)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--every", type=float, default=0.0, help="seconds, 0 for no such run")
    parser.add_argument("--moments", default=str(time.time_ns()), help="seed of the moments")
    asked = parser.parse_args()
    random.seed(asked.moments)
    print(f"moments {asked.moments}")
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        ordeal = Ordeal(Path(folder), asked.submissions, asked.jobs)
        ordeal.prepare()
        if asked.kills:
            ordeal.survive(asked.kills)
        if asked.every:
            ordeal.endure(asked.every)
    print(f"{time.monotonic() - began:.0f} s")
