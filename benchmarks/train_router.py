"""Train the small model that the labs ship, and write its checkpoints: half a minute on one core.

    python benchmarks/train_router.py

Everything is seeded; the text comes from the standard library, so that it differs a little between
versions of Python. Weights are stored in float16. With `--race`, the three ways of balancing are
compared instead, and nothing is written.
"""

from __future__ import annotations

import argparse
import sys
import time

import torch
from safetensors.torch import save_file

from moe_lab.trained import ALPHA, FOLDER, STEPS, balance_loss, trained_anew
from moe_lab.training import training_race


def write_checkpoints() -> None:
    FOLDER.mkdir(exist_ok=True)
    for step, model in trained_anew().items():
        weights = {name: value.half().contiguous() for name, value in model.state_dict().items()}
        about = {"step": str(step), "python": sys.version.split()[0], "torch": torch.__version__}
        save_file(weights, FOLDER / f"step_{step}.safetensors", metadata=about)
    total = sum(file.stat().st_size for file in FOLDER.iterdir())
    parameters = sum(value.numel() for value in weights.values())
    print(f"{parameters:,} parameters, {len(STEPS)} checkpoints, {total:,} bytes")


def compare(steps: int) -> None:
    ways = {"nothing": None, f"loss, α = {ALPHA}": balance_loss, "bias, rate 0.01": 0.01}
    for name, log in training_race(ways, steps=steps).items():
        print(f"\n{name}\nstep  language  max. violation        dead")
        for step in sorted({0, 5, 10, 20, 40, 60, 100, steps - 1}):
            if step < steps:
                one = log[step]
                worst = " ".join(f"{value:5.2f}" for value in one["max_violation"])
                print(f"{step:4}  {one['language_loss']:8.3f}  {worst}  {one['dead_experts']}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--race", action="store_true", help="compare the ways of balancing")
    parser.add_argument("--steps", type=int, default=60, help="steps of the race (60)")
    options = parser.parse_args()
    torch.set_num_threads(1)
    began = time.perf_counter()
    if options.race:
        compare(options.steps)
    else:
        write_checkpoints()
    print(f"{time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
