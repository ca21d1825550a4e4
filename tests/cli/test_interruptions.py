"""Grading that is killed, or meets another grader: nothing lost, nothing doubled, one seed."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from interrupting import COURSE, Family, Ordeal, results, survivors

from autograder.gradebook import Gradebook

pytestmark = [pytest.mark.slow, pytest.mark.sandbox]


SUBMISSIONS = 20


def test_what_is_killed_again_and_again_ends_as_if_nothing_had_been(tmp_path: Path):
    ordeal = Ordeal(tmp_path, SUBMISSIONS)
    ordeal.prepare()
    ordeal.survive(kills=2)

    ordeal.kill_after("killed.db", SUBMISSIONS + 3, "--regrade")
    printed = ordeal.finish("killed.db", "--regrade")
    assert f"of {SUBMISSIONS} were graded again before the interruption" in printed
    found = results(tmp_path / "killed.db")
    assert [len(attempts) for attempts in found.values()] == [2] * SUBMISSIONS
    assert len({attempts[1][0][1] for attempts in found.values()}) == 1


def test_two_graders_of_one_class_on_a_server_grade_each_submission_once(tmp_path: Path, postgres):
    ordeal = Ordeal(tmp_path, submissions=4, jobs=1)
    ordeal.prepare()
    url = postgres.new_database()
    together = [ordeal.start(url) for _ in range(2)]
    for process in together:
        printed = process.communicate()[0]
        assert process.returncode == 0, printed
    with Gradebook.open(url) as book:
        assert len(book.latest("toy").grades) == 4
        with book._engine.connect() as connection:
            assert connection.exec_driver_sql("SELECT count(*) FROM attempts").scalar() == 4
            seeds = "SELECT count(DISTINCT seed) FROM runs JOIN attempts ON run_id = runs.id"
            assert connection.exec_driver_sql(seeds).scalar() == 1


def test_no_process_outlives_a_verify_that_is_killed(tmp_path: Path):
    ordeal, family = Ordeal(tmp_path, submissions=0), Family()
    ordeal.prepare()
    command = ordeal.moelab("verify", "toy", "--course", COURSE, "--jobs", "2")
    while len(below := family.look(command.pid)) < 3 and command.poll() is None:
        time.sleep(0.05)  # two that try exercises, and Python's own that counts semaphores
    assert command.poll() is None
    command.kill()
    printed = command.communicate()[0]
    assert not survivors(below)
    assert "KeyError" not in printed
