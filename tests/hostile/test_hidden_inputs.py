"""What a submission learns from hidden calls it cannot tell its student, by any text or picture."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
from machine import WORKER, kernel_lacks

from autograder.grading.settings import Settings
from autograder.grading.worker import Worker
from autograder.otter.handover import message_of
from autograder.records import CheckResult, Grade, Outcome, Run
from autograder.report.feedback.content import feedback
from autograder.report.feedback.text import feedback_json, feedback_markdown
from autograder.report.lms.gradescope import result_of
from autograder.sandbox.limits import Limits
from autograder.submission.discover import find_submissions

pytestmark = pytest.mark.sandbox

RUN = Run(assignment="toy", course_revision="1", seed="s", isolation="namespaces", models=("tiny",))
TELLS = """
SEEN = []

def _tell(way, *inputs):
    SEEN.append(repr(inputs))
    if way == "type":
        return type("Leaked_" + "_".join(str(len(SEEN))), (), {})()
    if way == "number":
        return 777000 + len(SEEN)
    raise ValueError(f"LEAKED after {len(SEEN)} calls")

def expert_load(indices, num_experts):
    return _tell("type", indices, num_experts)

def busiest_expert(load):
    return _tell("raise", load)

def load_gap(indices, num_experts):
    return _tell("raise", indices, num_experts)
"""


@pytest.fixture(scope="module")
def grade(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Grade]:
    level = "landlock" if kernel_lacks("namespaces") else "namespaces"
    if reason := kernel_lacks(level):
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("tells")
    (folder / "ada.py").write_text(TELLS)
    limits = Limits(call=10.0, total=60.0)
    worker = Worker(Settings(seed=f"{WORKER}", isolation=level, limits=limits, course="toycourse"))
    try:
        yield worker.grade("toy", find_submissions([folder])[0])
    finally:
        worker.sandbox.close()


def checks(grade: Grade, *, hidden: bool) -> list[tuple[str, CheckResult]]:
    """The checks of one kind, each with its exercise's name."""
    return [
        (exercise.name, check)
        for exercise in grade.exercises
        for check in exercise.checks
        if check.hidden is hidden and check.outcome is not Outcome.SKIPPED
    ]


@pytest.mark.slow
def test_public_checks_run_before_a_hidden_input_was_seen(grade: Grade) -> None:
    public = checks(grade, hidden=False)
    calls = [int(n) for _, c in public for n in re.findall(r"after (\d+) calls", c.message)]
    assert calls
    assert max(calls) <= len(public)
    assert checks(grade, hidden=True)


def test_instructors_see_the_call_that_failed_and_none_of_the_submissions_own_words(
    grade: Grade,
) -> None:
    failed = [check for _, check in checks(grade, hidden=True)]
    assert failed
    for check in failed:
        assert check.evidence.call.partition("(")[0] in (
            "expert_load",
            "busiest_expert",
            "load_gap",
        )
        assert check.evidence.got in ("raised ValueError", "of another type than asked for")
        assert re.search(r"\d", check.evidence.expected), "the right answer"


def test_nothing_that_the_submission_made_is_in_what_students_read_of_hidden_checks(
    grade: Grade,
) -> None:
    told = feedback(grade, RUN)
    texts = [feedback_json(told), feedback_markdown(told), json.dumps(result_of(grade, RUN))]
    hidden = {check.title for _, check in checks(grade, hidden=True)}
    shown = [c.message for e in told.exercises for c in e.checks if c.title in hidden]
    shown += [message_of(name, check) for name, check in checks(grade, hidden=True)]
    shown += [one["output"] for one in result_of(grade, RUN)["tests"] if one["name"] in hidden]
    assert shown
    quoted = [one for _, check in checks(grade, hidden=True) for one in check.promises]
    assert quoted, "the exercise's own text, which is public, and numbers in it"
    for sentence in quoted:
        shown = [text.replace(sentence, "") for text in shown]
    assert [text for text in shown if "LEAK" in text.upper() or re.search(r"\d", text)] == []
    assert not any("Leaked_" in text for text in texts)
