"""What the checks of one run share: the bench, and per check its random inputs and right answers.

All random inputs derive from the run's seed. Expected values are computed once per run by the
reference, not once per submission.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from autograder.authoring.exercise import SHARED_RNG, Check, Exercise
from autograder.authoring.fixture import fixtures_of
from autograder.authoring.given import Given, as_given
from autograder.courses import OURS, packages_for
from autograder.grading.sessions import LocalSession
from autograder.seeds import bench_seed_of, digest_of
from autograder.session import Session
from moelab_kit import offered_by
from moelab_kit.bench import FIXTURE, EmptyBench, HeldModels, bench_of
from moelab_kit.calls import Call, Reply, perform
from moelab_kit.law import UnknownFixture, values_of


@dataclass(frozen=True, slots=True)
class Case:
    """One call of an agreement check and what the reference replies to it."""

    given: Given
    expected: Reply


class Fixtures:
    """The inputs of one run, for one process.

    The bench's seed is derived from the run's seed by a hash, so that the sandbox, which must hold
    the bench, learns nothing about the inputs of the checks. `reference` gives an exercise's
    reference in the place of a student's function: in this process, unless it is told otherwise.
    Without a `bench` it is that of moelab's own labs.
    """

    def __init__(
        self,
        assignment: str,
        seed: str,
        bench: HeldModels | None = None,
        reference: Callable[[Exercise], Session] | None = None,
    ) -> None:
        self.assignment = assignment
        self.seed = seed
        self.bench = bench or bench_of(OURS, bench_seed_of(seed))
        self._elsewhere = reference
        self._cases: dict[tuple[str, str], tuple[Case, ...]] = {}
        self._solutions: dict[str, Callable[..., Any]] = {}
        self._references = LocalSession(self._solutions, self.bench)

    def reference(self, exercise: Exercise) -> Session:
        """A session in which the reference answers: one for all, as models of its own cost time."""
        if self._elsewhere is not None:
            return self._elsewhere(exercise)
        self._solutions[exercise.name] = exercise.solution_function
        return self._references

    def of(self, exercise: Exercise, check: Check) -> dict[str, Any]:
        """The fixtures that the check's function names: `rng`, `shared_rng`, and the course's.

        A fixture that asks for `rng` draws from the check's own.
        """
        makers: dict[str, Callable[..., Any]] = {
            "rng": lambda: self._rng(exercise.name, check.name),
            SHARED_RNG: lambda: self._rng(exercise.name),
        }
        if not isinstance(self.bench, EmptyBench):
            makers[FIXTURE] = lambda: self.bench
        makers |= fixtures_of(exercise)
        names = [name for name in inspect.signature(check.function).parameters if name != "answer"]
        try:
            return values_of(names, makers, partial(_from_packages, exercise))
        except UnknownFixture as unknown:
            raise TypeError(
                f"{exercise.name}, check {check.name}: there is no fixture {str(unknown)!r}; "
                f"a check may ask for {', '.join(makers)}"
            ) from None

    def cases(self, exercise: Exercise, check: Check) -> tuple[Case, ...]:
        """The calls of an agreement check with the reference's replies, computed once."""
        key = (exercise.name, check.name)
        if key not in self._cases:
            inputs = check.function(**self.of(exercise, check))
            self._cases[key] = tuple(
                self._case(exercise, check, as_given(yielded)) for yielded in inputs
            )
        return self._cases[key]

    def _case(self, exercise: Exercise, check: Check, given: Given) -> Case:
        call = Call(exercise.name, given.args, given.kwargs, check.gradient_of)
        if any(map(self.bench.is_full_scale, call.arguments)):
            expected = self.reference(exercise).perform(call)
        else:
            expected = perform(exercise.solution_function, call)
        if expected.raised is not None:
            raise RuntimeError(
                f"{exercise.name}: the reference raised {expected.raised.type_name} "
                f"in check {check.name}: {expected.raised.message}"
            )
        return Case(given, expected)

    def _rng(self, *purpose: str) -> np.random.Generator:
        digest = digest_of(self.seed, self.assignment, *purpose)
        return np.random.default_rng(int(digest, 16))


def _from_packages(exercise: Exercise, name: str) -> Any:
    """A fixture that a package of the course's students offers."""
    for package in packages_for(exercise.module_name):
        found = offered_by(package)
        if name in found and name != FIXTURE:
            return found[name]()
    raise UnknownFixture(name)
