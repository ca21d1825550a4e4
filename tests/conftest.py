"""Grades made by hand, for tests of what keeps and shows them."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from browsing import Visitor
from playwright.sync_api import Browser, sync_playwright
from postgres_server import Server, programs, running_server
from xdist.scheduler import LoadScopeScheduling

from autograder.authoring.assignment import Assignment
from autograder.authoring.course import load_assignment
from autograder.records import CheckResult, ClassGrades, ExerciseGrade, Grade, Outcome, Run

MakeGrade = Callable[..., Grade]
PATHS_AT_THE_START = {name: os.environ.get(name) for name in ("PYTHONSAFEPATH", "PYTHONPATH")}

# Their tests count processes, files and memory of the machine, so they run one after the other.
WATCH_THE_MACHINE = {"broken", "fuzz", "gpu", "hostile", "models", "sandbox", "supply", "wire"}

# They take minutes and begin first, the machine's group before all; each of the latter by itself.
LONG = (
    "otter/test_same_grades.py",
    "solutions/test_variations.py",
    "report/test_in_browser.py",
    "cli/test_interruptions.py",
    "otter/test_several_files.py",
    "otter/test_trouble.py",
    "otter/test_sample_class.py",
    "grading/test_retries.py",
    "cli/test_grade.py",
    "classes/test_class_of_120.py",
)
LONG_AND_APART = ("benchmarks/test_smoke.py",)

HOSTILE_NAMES = (
    "<script>alert(1)</script>",
    '=cmd|"/c calc"!A1',
    "+1+1",
    "@SUM(A1)",
    "\x1b[31mred\x1b[0m\x00\x07bell",
    "abc\u202etxt.exe",
    "tab\tnew\nline",
    "lone\ud800surrogate",
    "[bold red]markup[/bold red]",
    "{{ 7 * 7 }}{% raw %}",
    "😀 مرحبا שלום Ἀθηνᾶ",
    "../../etc/passwd",
    "'; DROP TABLE attempts; --",
)


class ByPlace(LoadScopeScheduling):
    """Keeps a file's tests in one process, and those of some folders together in one; long first.

    Marks for `--dist=loadgroup` would say the same, but xdist 3.8 loses them under pytest 9.2.
    """

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        if file.endswith(LONG_AND_APART):
            return nodeid
        return "machine" if _watches_the_machine(nodeid) else file


def _watches_the_machine(nodeid: str) -> bool:
    return bool(WATCH_THE_MACHINE & set(nodeid.partition("::")[0].split("/")))


def _turn(item: pytest.Item) -> int:
    """The place of a test in the order: at the end both processes should still have work."""
    if _watches_the_machine(item.nodeid):
        return 0
    places = (*LONG_AND_APART, *LONG)
    file = item.nodeid.partition("::")[0]
    return next((n for n, one in enumerate(places, 1) if file.endswith(one)), len(places) + 1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=_turn)


def pytest_configure() -> None:
    """Torch in one thread, here and in what is started here, as in a worker of the grader.

    There are as many processes as processors already: with more threads, small calls wait for each
    other, ten times as long as they take.
    """
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    torch.set_num_threads(1)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByPlace:
    config.option.loadscopereorder = False  # by numbers of tests, of which long files have few
    return ByPlace(config, log)


def make_check(
    name: str, outcome: Outcome = Outcome.PASSED, *, points: float = 5.0, message: str = ""
) -> CheckResult:
    """One check's result."""
    return CheckResult(
        name=name,
        title=f"Title of {name}",
        hidden=name.startswith("hidden"),
        points=points,
        outcome=outcome,
        message=message or ("" if outcome is Outcome.PASSED else f"{name}: {outcome.value}"),
        misconception="Divides by the tokens." if outcome is Outcome.FAILED else None,
        seconds=0.25,
    )


def grade_of(
    student: str = "ada",
    *,
    submission: str | None = None,
    digest: str = "sha256:1",
    outcomes: tuple[Outcome, ...] = (Outcome.PASSED, Outcome.PASSED),
    readable: bool = True,
    notes: tuple[str, ...] = (),
    message: str = "",
) -> Grade:
    """A grade over two exercises, each with one public and one hidden check."""
    checks = tuple(
        (
            make_check("public_check", outcome, points=2.0, message=message),
            make_check("hidden_check", outcome, points=8.0, message=message),
        )
        for outcome in outcomes
    )
    names = ("find_router_layers", "route")
    return Grade(
        student=student,
        submission=f"{student}.ipynb" if submission is None else submission,
        digest=digest,
        readable=readable,
        notes=notes,
        exercises=tuple(
            ExerciseGrade(name=name, checks=found)
            for name, found in zip(names, checks, strict=True)
        ),
    )


@pytest.fixture(autouse=True)
def same_paths() -> Iterator[None]:
    """Commands, also those of a fixture, keep folders off the path of what is started later."""
    _set_as_at_the_start()
    yield
    _set_as_at_the_start()


def _set_as_at_the_start() -> None:
    for name, value in PATHS_AT_THE_START.items():
        os.environ.pop(name, None)
        if value is not None:
            os.environ[name] = value


@pytest.fixture
def make_grade() -> MakeGrade:
    return grade_of


@pytest.fixture
def run() -> Run:
    return Run(
        assignment="moe_router_analysis",
        course_revision="rev-1",
        seed="a seed",
        isolation="namespaces",
        models=("tiny",),
    )


@pytest.fixture
def small_class(run: Run) -> ClassGrades:
    """Three students: everything right, one exercise wrong, and one that a person must look at."""
    wrong, broken = Outcome.FAILED, Outcome.GRADER_ERROR
    return ClassGrades(
        run=run,
        grades=(
            grade_of("zoe"),
            grade_of("ada", outcomes=(Outcome.PASSED, wrong)),
            grade_of("bob", outcomes=(broken, Outcome.TIMEOUT)),
        ),
    )


@pytest.fixture
def hostile_class(run: Run) -> ClassGrades:
    """Names, messages and notes of the kind that break writers of JSON, HTML, CSV and SQL."""
    grades = (
        grade_of(name, outcomes=(Outcome.ERROR, Outcome.PASSED), message=name, notes=(name,))
        for name in HOSTILE_NAMES
    )
    return ClassGrades(run=run, grades=tuple(grades))


LOOKS: dict[str, dict[str, Any]] = {
    "light": {"viewport": {"width": 1280, "height": 900}},
    "dark": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 390, "height": 844}, "has_touch": True},
}


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A browser for one file's tests: its event loop would be in the way of others."""
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("there is no Chromium here; on Debian: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def visitor(chromium: Browser) -> Visitor:
    return Visitor(chromium)


@pytest.fixture(params=LOOKS)
def look(request: pytest.FixtureRequest) -> dict[str, Any]:
    """A way to look at a page: options of a Playwright context."""
    return LOOKS[request.param]


class ToyCourse:
    """A private copy of the toy course, importable under a name of its own."""

    def __init__(self, folder: Path) -> None:
        self.name = f"toycourse_{uuid.uuid4().hex}"
        self.root = folder
        self.folder = folder / self.name
        original = Path(__file__).parent / "courses" / "toycourse"
        shutil.copytree(original, self.folder, ignore=shutil.ignore_patterns("__pycache__"))

    def edit(self, file: str, old: str, new: str) -> None:
        """Replace text that must be there once, in a file below `toy/`; before the first load."""
        path = self.folder / "toy" / file
        text = path.read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {file}"
        path.write_text(text.replace(old, new), encoding="utf-8")

    def load(self) -> Assignment:
        return load_assignment("toy", course=self.name)


@pytest.fixture
def toy_course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ToyCourse:
    course = ToyCourse(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    return course


@pytest.fixture(scope="module")
def lasting_toy_course(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ToyCourse]:
    """A toy course for all tests of one file."""
    folder = tmp_path_factory.mktemp("course")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        yield ToyCourse(folder)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A PostgreSQL server that runs for all tests."""
    folder = programs()
    if folder is None:
        pytest.skip("no PostgreSQL server here: apt-get install postgresql")
    with running_server(folder) as server:
        yield server
