"""Fuzz one target with atheris, for as long as wanted:

    pip install -e '.[test,fuzz]'
    python tests/fuzz/run.py wire|submission FOLDER -max_total_time=1200

FOLDER keeps the corpus, so that the next run goes on from there; inputs that break the target are
written to FOLDER-found. An input may take two minutes of wall time and the process 2 GB; other
options of libFuzzer may follow.
"""

from __future__ import annotations

import sys
from pathlib import Path

import atheris

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / folder) for folder in ("support", "wire", "submission", "..")]
INSTRUMENTED = [
    "autograder.notebook.archive",
    "autograder.notebook.reading",
    "autograder.notebook.scripts",
    "moelab_kit.drawing",
    "moelab_kit.figures",
    "autograder.sandbox.session",
    "autograder.wire.decode",
    "autograder.wire.limits",
    "autograder.wire.messages",
    "autograder.wire.png",
    "autograder.text",
    "tokenize",
    "zipfile",
]


def main() -> None:
    """Write the seeds into the folder, and hand over to libFuzzer."""
    for name in ("tokenize", "zipfile"):
        sys.modules.pop(name, None)  # imported again below, instrumented
    with atheris.instrument_imports(include=INSTRUMENTED):
        from fuzz_targets import TARGETS

    target, folder = TARGETS[sys.argv[1]], Path(sys.argv[2])
    broken = folder.with_name(folder.name + "-found")
    for place in (folder, broken):
        place.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(target.seeds()):
        (folder / f"seed-{number:03}").write_bytes(seed)
    options = [
        "-max_len=16384",
        "-timeout=120",
        "-rss_limit_mb=2048",
        f"-artifact_prefix={broken}/",
    ]
    atheris.Setup([sys.argv[0], str(folder), *options, *sys.argv[3:]], target.run)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
