"""A made-up class over a real assignment's exercises, with the statistics that real classes have.

Abilities are normal; whether a check passes follows the two-parameter logistic model of item
response theory; who fails shows one of the exercise's known slips, raises, or is too slow. Some
hand in nothing of use, some a file that cannot be read, and a few meet a bug of the grader.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from matplotlib.figure import Figure

from autograder.authoring.course import load_assignment
from autograder.authoring.exercise import Check, Exercise
from autograder.records import CheckResult, ClassGrades, ExerciseGrade, Grade, Outcome, Run

FIRST = ("Ada", "Amina", "Bao", "Chidi", "Dana", "Elif", "Farah", "Hana", "José", "Kofi", "Lena")
LAST = ("Adeyemi", "Berg", "Chen", "Díaz", "Fischer", "Haddad", "Ito", "Kim", "Lovelace", "Müller")
VARIANTS = 4  # different plots of one exercise
OUTLIERS = {0: -1.2, 1: 0.0, 2: 0.1}  # discrimination of odd checks, by place


@dataclass(frozen=True, slots=True)
class Trial:
    """How a check behaves: its difficulty and its discrimination on the scale of abilities."""

    difficulty: float
    slope: float


def made_up_class(
    students: int = 300, *, seed: int = 1, pictures: bool = False, messages: int = 90
) -> ClassGrades:
    """Grades of a class; `messages` is the length of a failure message, in characters."""
    rng = np.random.default_rng(seed)
    exercises = load_assignment("moe_router_analysis").exercises
    trials = _trials(exercises, rng)
    grades = tuple(
        _grade(number, exercises, trials, rng, pictures, messages) for number in range(students)
    )
    run = Run(
        assignment="moe_router_analysis",
        course_revision="9613a007eb7c97fb",
        seed="made up",
        isolation="namespaces",
        models=("tiny",),
    )
    return ClassGrades(run=run, grades=grades)


def _trials(exercises: Sequence[Exercise], rng: np.random.Generator) -> dict[str, Trial]:
    hidden = [f"{e.name}.{c.name}" for e in exercises for c in e.checks if c.hidden]
    odd = dict(zip(rng.permutation(hidden), OUTLIERS.values(), strict=False))
    found = {}
    for place, exercise in enumerate(exercises):
        base = -1.2 + 1.6 * place / len(exercises) + rng.normal(0, 0.3)
        for check in exercise.checks:
            key = f"{exercise.name}.{check.name}"
            difficulty = base + rng.normal(0, 0.5) + (0.4 if check.hidden else -0.5)
            found[key] = Trial(difficulty, odd.get(key, float(rng.lognormal(0.3, 0.3))))
    return found


def _grade(
    number: int,
    exercises: Sequence[Exercise],
    trials: dict[str, Trial],
    rng: np.random.Generator,
    pictures: bool,
    messages: int,
) -> Grade:
    student = f"{FIRST[number % len(FIRST)]} {LAST[(number // 3) % len(LAST)]} {number:03d}"
    kind = rng.choice(["usual", "blank", "unreadable", "odd"], p=[0.93, 0.04, 0.01, 0.02])
    ability = float(rng.normal(0.4, 1.0))
    found = []
    for exercise in exercises:
        checks = _checks(exercise, kind, ability, trials, rng, messages)
        drawn = pictures and kind == "usual" and exercise.name.startswith("plot_")
        picture = _picture(exercise.name, int(rng.integers(VARIANTS))) if drawn else b""
        found.append(ExerciseGrade(name=exercise.name, checks=checks, picture=picture))
    notes = ("cell 4, line 1 raised NameError: name 'weights' is not defined",)
    return Grade(
        student=student,
        submission=f"{student.lower().replace(' ', '_')}.ipynb",
        digest=f"sha256:{rng.integers(2**62):064x}",
        exercises=tuple(found),
        readable=kind != "unreadable",
        notes=("the notebook is not valid JSON (line 12)",) * (kind == "unreadable")
        or notes * int(rng.random() < 0.1),
    )


def _checks(
    exercise: Exercise,
    kind: str,
    ability: float,
    trials: dict[str, Trial],
    rng: np.random.Generator,
    messages: int,
) -> tuple[CheckResult, ...]:
    slip = exercise.chaffs[int(rng.integers(len(exercise.chaffs)))]
    raises = rng.random() < 0.15
    results = []
    for check in exercise.checks:
        trial = trials[f"{exercise.name}.{check.name}"]
        chance = 1 / (1 + np.exp(-trial.slope * (ability - trial.difficulty)))
        outcome, message = _outcome(exercise, check, kind, rng.random() < chance, raises, rng)
        wrong = outcome is Outcome.FAILED and rng.random() < 0.6
        results.append(
            CheckResult(
                name=check.name,
                title=check.title,
                hidden=check.hidden,
                points=check.points,
                outcome=outcome,
                message=message.ljust(messages, ".") if outcome is Outcome.FAILED else message,
                misconception=slip.name if wrong else None,
                hint=slip.hint if wrong else "",
                seconds=round(float(rng.lognormal(-3.5, 0.8)), 4),
            )
        )
    return tuple(results)


def _outcome(
    exercise: Exercise,
    check: Check,
    kind: str,
    passes: bool,
    raises: bool,
    rng: np.random.Generator,
) -> tuple[Outcome, str]:
    if kind == "unreadable":
        return Outcome.MISSING, "the notebook is not valid JSON (line 12)"
    if kind == "blank":
        return Outcome.ERROR, f"{exercise.name} is not written yet: replace the last line"
    if kind == "odd" and rng.random() < 0.05:
        return Outcome.GRADER_ERROR, "the check itself is broken: KeyError: 'router'"
    if passes:
        return Outcome.PASSED, ""
    if raises:
        return (
            Outcome.ERROR,
            f"{exercise.name} raised ValueError: too many values (expected 3, got 1)",
        )
    if rng.random() < 0.03:
        return Outcome.TIMEOUT, "it ran longer than the time limit"
    return Outcome.FAILED, f"the result['{check.name[:8]}'] has {rng.integers(2, 9)} wrong values"


@cache
def _picture(exercise: str, variant: int) -> bytes:
    """One of the plots that students may have drawn."""
    rng = np.random.default_rng([variant, len(exercise)])
    figure = Figure(figsize=(6, 3.2))
    left, right = figure.subplots(1, 2)
    loads = rng.gamma(2 + variant % 4, 10, size=8)
    colours = np.where(loads > 1.5 * loads.mean(), "tab:red", "tab:blue")
    left.bar(range(8), loads, color=colours)
    left.axhline(loads.mean(), linestyle="--", color="black")
    left.set(title="Tokens per expert", xlabel="expert", ylabel="tokens")
    if variant % 3:
        right.hist(loads, bins=4 + variant % 5, color=f"C{variant % 6}")
    else:
        right.imshow(rng.normal(size=(8, 24)), aspect="auto", cmap="coolwarm")
    right.set(title=exercise, xlabel="value", ylabel="experts")
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=80)
    return out.getvalue()
