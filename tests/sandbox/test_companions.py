"""Files that were handed in beside a submission are there when its cells run, at every level."""

from __future__ import annotations

import pytest
from machine import LIMITS

from autograder.sandbox.session import SandboxSession
from autograder.session import Interrupted
from moelab_kit.calls import Call

COMPANIONS = {
    "my_helpers.py": b"def twice(x):\n    return 2 * x\n",
    "tools/__init__.py": b"",
    "tools/more.py": b"def thrice(x):\n    return 3 * x\n",
    "data/numbers.csv": b"4,5\n",
}

pytestmark = [pytest.mark.slow, pytest.mark.sandbox]


@pytest.fixture
def session(sandbox, bench):
    opened = SandboxSession(sandbox, bench, LIMITS)
    yield opened
    opened.close()


def answer(session: SandboxSession, text: str) -> object:
    session.read(text.encode(), "submission.py", companions=COMPANIONS)
    return session.perform(Call("f", (21,))).value


def test_a_helper_file_can_be_imported(session):
    assert answer(session, "from my_helpers import twice\ndef f(x): return twice(x)") == 42


def test_a_helper_file_can_be_imported_when_a_function_is_called(session):
    assert answer(session, "def f(x):\n    import my_helpers\n    return my_helpers.twice(x)") == 42


def test_data_beside_the_notebook_can_be_read(session):
    text = "rows = open('data/numbers.csv').read()\ndef f(x): return x + int(rows[0])"
    assert answer(session, text) == 25


def test_a_helper_file_is_there_again_after_a_crash(session):
    text = "import os, my_helpers\ndef f(x): return my_helpers.twice(x) if x else os._exit(3)"
    session.read(text.encode(), "submission.py", companions=COMPANIONS)
    with pytest.raises(Interrupted):
        session.perform(Call("f", (0,)))
    assert session.perform(Call("f", (21,))).value == 42


def test_the_next_submission_finds_nothing_of_it(session, sandbox, bench):
    assert answer(session, "import my_helpers\ndef f(x): return x") == 21
    session.close()
    other = SandboxSession(sandbox, bench, LIMITS)
    text = "from importlib.util import find_spec\ndef f(x): return find_spec('my_helpers') is None"
    other.read(text.encode(), "submission.py")
    try:
        assert other.perform(Call("f", (1,))).value is True
    finally:
        other.close()


def test_a_package_of_helpers_can_be_imported(session, level):
    if level == "landlock":
        pytest.skip("there are no folders at this level, so files are kept one by one in memory")
    assert answer(session, "from tools.more import thrice\ndef f(x): return thrice(x)") == 63
