"""One exercise: its reference solution, its checks, and the solutions that prove the checks.

An author writes one package per exercise: `__init__` with the statement that students read (its
docstring) and the solution, `checks`, `answers` (right and wrong ones) and, for mutants,
`equivalents`.
`moelab build` derives the student's stub and public checks from it, `moelab verify` proves it.
"""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, TypeVar

from autograder.authoring.promises import Promise, promises_in
from moelab_kit.compare import FLOAT32, Tolerance

Function = TypeVar("Function", bound=Callable[..., Any])
Compare = Callable[[Any, Any], str]
SHARED_RNG = "shared_rng"
CATCHES = "catches.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that is asked of a student's function.

    A law looks at answers alone; its function takes `answer` and, by name, the fixtures `rng`,
    `shared_rng` and `bench`. An agreement check's function yields the arguments of calls, and the
    student's results are compared with the reference's; it is always hidden.

    `proves` are the keys of the promises that it proves, `aliases` its names of before.

    `shared_rng` starts anew in each check of an exercise. Hidden laws that look at different sides
    of one answer draw the same inputs from it, and the student's function is called once for all.
    """

    name: str
    title: str
    points: float
    hidden: bool
    kind: Literal["law", "agrees"]
    function: Callable[..., Any]
    proves: tuple[str, ...] = ()
    after: tuple[Check, ...] = ()
    time_limit: float | None = None
    tolerance: Tolerance = FLOAT32
    compare: Compare | None = None
    gradient_of: tuple[int | str, ...] = ()
    aliases: tuple[str, ...] = ()

    @property
    def shares_calls(self) -> bool:
        """Whether equal calls of this check and of others like it are made once."""
        return SHARED_RNG in inspect.signature(self.function).parameters


@dataclass(frozen=True, slots=True, kw_only=True)
class Chaff:
    """A known-wrong solution, the checks that are meant to catch it, and the hint it deserves."""

    name: str
    function: Callable[..., Any]
    caught_by: tuple[Check, ...]
    hint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Wheat:
    """A known-correct solution in another style than the reference's."""

    name: str
    function: Callable[..., Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """What an exercise asks of a student: difficulty and importance from 1 to 5, and minutes.

    The minutes are a guess for a student who has the knowledge that the lab asks for. The heading
    of the exercise shows all three.
    """

    difficulty: int
    importance: int
    minutes: int

    def __post_init__(self) -> None:
        for name in ("difficulty", "importance"):
            if not 1 <= getattr(self, name) <= 5:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be 1 to 5")
        if self.minutes < 1:
            raise ValueError(f"minutes is {self.minutes}; it must be at least 1")


@dataclass(frozen=True, slots=True)
class Equivalent:
    """A change of the reference that no check can see, and why it makes no difference.

    An empty `becomes` stands for any change of the line.
    """

    line: str
    becomes: str
    because: str


class Exercise:
    """What an exercise module declares; decorators record each function under its own name."""

    def __init__(
        self, name: str, *, effort: Effort | None = None, aliases: tuple[str, ...] = ()
    ) -> None:
        self.name = name
        self.effort = effort
        self.aliases = aliases  # its names of before: points given by hand go with it
        self.reference: Callable[..., Any] | None = None
        self.checks: list[Check] = []
        self.wheats: list[Wheat] = []
        self.chaffs: list[Chaff] = []
        self.equivalents: list[Equivalent] = []
        self.narrow: dict[str, str] = {}  # by check: why its margin cannot be wide

    @property
    def module_name(self) -> str:
        """The module that declares the exercise."""
        return self.solution_function.__module__

    @property
    def statement(self) -> str:
        """The module's docstring: Markdown with formulas, as students read it."""
        return inspect.cleandoc(sys.modules[self.module_name].__doc__ or "")

    @property
    def promises(self) -> tuple[Promise, ...]:
        """The list items of the statement."""
        return promises_in(self.statement)

    @property
    def possible(self) -> float:
        """The points of all checks together."""
        return sum(check.points for check in self.checks)

    @property
    def catches_file(self) -> Path:
        """Where `moelab verify --write` keeps which checks catch which known-wrong solution."""
        module = Path(inspect.getfile(self.solution_function))
        if module.name == "__init__.py":
            return module.with_name(CATCHES)
        return module.with_name(f"{module.stem}.{CATCHES}")

    @cached_property
    def catches(self) -> Mapping[str, tuple[str, ...]]:
        """For each known-wrong solution all checks that it fails, as `catches_file` keeps them.

        Empty where there is no such file: then a known-wrong solution fails the checks in its
        `caught_by`, and no others. Raises `ValueError` for a file that `verify` did not write.
        """
        try:
            kept = json.loads(self.catches_file.read_text(encoding="utf-8"))
            return {str(chaff): tuple(map(str, checks)) for chaff, checks in kept.items()}
        except FileNotFoundError:
            return {}
        except (AttributeError, TypeError, ValueError, OSError) as error:
            raise ValueError(
                f"{self.catches_file}: not a table that `moelab verify --write` made ({error}). "
                "Delete it, and write it anew."
            ) from error

    def fails(self, chaff: Chaff) -> tuple[str, ...]:
        """The names of all checks that a known-wrong solution fails."""
        return self.catches.get(chaff.name) or tuple(check.name for check in chaff.caught_by)

    @property
    def solution_function(self) -> Callable[..., Any]:
        """The reference solution; an error where the author has not given one."""
        if self.reference is None:
            raise ValueError(f"the exercise {self.name!r} has no solution")
        return self.reference

    def solution(self, function: Function) -> Function:
        """Declare the reference solution; its signature and docstring become the stub."""
        if function.__name__ != self.name:
            raise ValueError(
                f"{function.__module__}: the solution is called {function.__name__!r}, "
                f"the exercise {self.name!r}; give both the same name"
            )
        self.reference = function
        return function

    def law(
        self,
        *,
        points: float,
        proves: str | tuple[str, ...] = (),
        hidden: bool = False,
        after: Iterable[Check] = (),
        time_limit: float | None = None,
        aliases: tuple[str, ...] = (),
    ) -> Callable[[Callable[..., Any]], Check]:
        """Declare a check that needs no reference: `def name(answer, rng, bench)` with asserts.

        The docstring is the title that students see. `proves` has the keys of the promises in the
        statement, or among the rules for all exercises, that it proves. `time_limit` (seconds for
        one call) replaces the run's limit where a check needs longer. `aliases` are names that the
        check had in a running course: what the gradebook knows by them goes with it.
        """

        def declare(function: Callable[..., Any]) -> Check:
            return self._add(
                Check(
                    name=function.__name__,
                    title=title_of(function),
                    points=points,
                    hidden=hidden,
                    kind="law",
                    function=function,
                    proves=_keys(proves),
                    after=tuple(after),
                    time_limit=time_limit,
                    aliases=aliases,
                )
            )

        return declare

    def agrees(
        self,
        *,
        points: float,
        proves: str | tuple[str, ...] = (),
        after: Iterable[Check] = (),
        time_limit: float | None = None,
        tolerance: Tolerance = FLOAT32,
        compare: Compare | None = None,
        gradient_of: int | str | tuple[int | str, ...] = (),
        aliases: tuple[str, ...] = (),
    ) -> Callable[[Callable[..., Any]], Check]:
        """Declare a hidden check: `def name(rng, bench)` yields arguments, the reference answers.

        `proves` as for a law. `compare(got, expected)` returns what is wrong ("" for nothing) where
        values may rightly differ; `gradient_of` also compares gradients of the result with respect
        to the arguments at these positions, or to the parameters of the first model argument with
        these names.
        """

        def declare(function: Callable[..., Any]) -> Check:
            wrt = gradient_of if isinstance(gradient_of, tuple) else (gradient_of,)
            return self._add(
                Check(
                    name=function.__name__,
                    title=title_of(function),
                    points=points,
                    hidden=True,
                    kind="agrees",
                    function=function,
                    proves=_keys(proves),
                    after=tuple(after),
                    time_limit=time_limit,
                    aliases=aliases,
                    tolerance=tolerance,
                    compare=compare,
                    gradient_of=wrt,
                )
            )

        return declare

    def wheat(self, function: Function) -> Function:
        """Declare another correct solution; it must earn every point."""
        self.wheats.append(Wheat(name=function.__name__, function=function))
        return function

    def chaff(self, *, caught_by: Check | tuple[Check, ...]) -> Callable[[Function], Function]:
        """Declare a wrong solution, and the check that is meant to catch it, or several.

        Which other checks it fails as well is kept by `moelab verify --write` in `catches.json`;
        without that file it must pass all others. Checks that are skipped because they come `after`
        a failed one don't count. The docstring is the hint for a student whose answer behaves the
        same.
        """

        def declare(function: Function) -> Function:
            checks = caught_by if isinstance(caught_by, tuple) else (caught_by,)
            hint = inspect.cleandoc(function.__doc__ or "")
            self.chaffs.append(
                Chaff(name=function.__name__, function=function, caught_by=checks, hint=hint)
            )
            return function

        return declare

    def narrow_margin(self, check: Check, *, because: str) -> None:
        """Declare that right or wrong answers may come near a check's tolerance, and why.

        A right answer's error should be below a third of the tolerance, a chaff's above three of
        them (`moelab verify`, rule 10). A declaration that is not needed is a finding.
        """
        self.narrow[check.name] = because

    def equivalent(self, line: str, *becomes: str, because: str) -> None:
        """Declare that changing a line of the reference in these ways makes no difference.

        `moelab verify --mutants` tells both lines of a change that no check sees; spaces between
        words do not matter. Without `becomes`, any change of the line is meant that no check sees:
        for what the statement leaves open, such as colours. A declaration that meets no change
        that survives is a finding.
        """
        self.equivalents += [Equivalent(line, one, because) for one in becomes or ("",)]

    def _add(self, check: Check) -> Check:
        taken = {name for known in self.checks for name in (known.name, *known.aliases)}
        for name in (check.name, *check.aliases):
            if name in taken:
                raise ValueError(f"{self.name}: two checks are called {name!r}; rename one")
        for earlier in check.after:
            if earlier not in self.checks:
                raise ValueError(
                    f"{self.name}: {check.name!r} comes after {earlier.name!r}, "
                    "which is not an earlier check of this exercise"
                )
        self.checks.append(check)
        return check


def _keys(proves: str | tuple[str, ...]) -> tuple[str, ...]:
    return (proves,) if isinstance(proves, str) else tuple(proves)


def title_of(function: Callable[..., Any]) -> str:
    """The first line of a check's docstring; an error where there is none, for students read it."""
    lines = inspect.cleandoc(function.__doc__ or "").splitlines()
    if not lines:
        raise ValueError(f"{function.__qualname__}: a check needs a docstring, its title")
    return lines[0]
