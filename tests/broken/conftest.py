"""All broken submissions, graded once for all tests."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from broken_suite import cannot_try, cases, grade_all

from autograder.records import Grade

TOY = Path(__file__).parents[1] / "courses" / "toycourse"
COURSE = "toy_course_of_broken_submissions"


@pytest.fixture(scope="session")
def grades(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Grade]:
    """The grade of each case, by its name."""
    folder = tmp_path_factory.mktemp("broken")
    shutil.copytree(TOY, folder / COURSE, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "submissions").mkdir()
    wanted = tuple(case for case in cases() if not cannot_try(case))
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        graded = grade_all(wanted, folder / "submissions", COURSE)
        return {case.name: grade for case, grade in graded}
