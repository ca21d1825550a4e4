"""Right answers in notebooks of ordinary shapes earn every point, in the sandbox as any other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from autograder.grading.tasks import Settings
from autograder.grading.worker import Worker
from autograder.submission.discover import find_submissions

ORDINARY = Path(__file__).parent / "ordinary"

pytestmark = pytest.mark.sandbox


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    worker = Worker(Settings(seed="ordinary notebooks"))
    yield worker
    worker.sandbox.close()


@pytest.mark.parametrize("file", sorted(ORDINARY.iterdir()), ids=lambda file: file.name)
def test_right_answers_in_an_ordinary_notebook_keep_50_of_50(worker: Worker, file: Path) -> None:
    (found,) = find_submissions([file])

    grade = worker.grade("moe_routing_in_practice", found)

    assert (grade.score, grade.possible) == (50, 50), grade.notes
