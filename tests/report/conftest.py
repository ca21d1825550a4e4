"""What the tests of reports share: made-up classes."""

from __future__ import annotations

import pytest
from made_up_grades import made_up_class

from autograder.records import ClassGrades


@pytest.fixture(scope="session")
def class_of_300() -> ClassGrades:
    return made_up_class(300)


@pytest.fixture(scope="session")
def class_with_pictures() -> ClassGrades:
    return made_up_class(8, seed=2, pictures=True)
