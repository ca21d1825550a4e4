"""The usual way to check a submission on a model: a new process that imports, builds and runs.

    python benchmarks/usual_way.py SUBMISSION.py MODEL

No isolation: the submission runs in this process, with the same model checks and the same planted
weights. `full_scale.py` starts this once per submission, beside the grader, and times it.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from types import ModuleType

STARTED = time.monotonic()

import torch
import with_tests  # noqa: F401

from autograder.authoring.course import load_assignment
from autograder.grading.fixtures import Fixtures
from autograder.grading.judge import judge_exercise
from autograder.inside.models import beside_the_model, take_inputs_from_anywhere
from autograder.models.bench import FullScale, ScaledBench, planted_for_checks
from autograder.models.choice import choose
from autograder.serving.weights import Weights
from autograder.wire.messages import decode_call, decode_reply, encode_call, encode_reply
from moelab_kit.calls import Call, Reply, perform


class InThisProcess:
    """A submission's functions, called on models of this process."""

    def __init__(self, functions: dict[str, object], own: ScaledBench, checks: ScaledBench) -> None:
        self._functions = functions
        self._own = own
        self._checks = checks

    def perform(self, call: Call, time_limit: float | None = None) -> Reply:
        received = beside_the_model(decode_call(encode_call(call, self._checks), self._own))
        reply = perform(self._functions[call.function], received)
        return decode_reply(encode_reply(reply, received, self._own), call, self._checks)


def main(submission: str, model: str) -> None:
    device = "cuda:0" if torch.cuda.is_available() else "cpu"
    choice = choose(model)
    weights = Weights(choice, device, "usual")
    if device != "cpu":
        take_inputs_from_anywhere(weights.model)
    module = sys.modules["submission"] = ModuleType("submission")
    functions = module.__dict__
    exec(compile(Path(submission).read_text(encoding="utf-8"), submission, "exec"), functions)
    checks = ScaledBench("usual", {model: planted_for_checks(choice, device, "usual")})
    own = ScaledBench("usual", {model: FullScale(weights.model)})
    session, fixtures = InThisProcess(functions, own, checks), Fixtures("lab", "usual", checks)
    lab = load_assignment("lab", "model_checks")
    score = sum(judge_exercise(one, session, fixtures).score for one in lab.exercises)
    print(f"{score:g} of {lab.possible:g} points in {time.monotonic() - STARTED:.1f} s")


if __name__ == "__main__":
    main(*sys.argv[1:])
