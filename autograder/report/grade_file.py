"""The grade file: all that is known about a class's grades, as JSON for other programs."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import Any

from autograder.records import (
    LONGEST_EVIDENCE,
    CheckResult,
    ClassGrades,
    Enrolment,
    Evidence,
    ExerciseGrade,
    Grade,
    Outcome,
    Run,
    Standing,
    Status,
)
from autograder.report.files import ReportError
from autograder.text import clean_line, clean_name, clean_text

FORMAT_VERSION = 2
_READ = (1, 2)


def grade_file(class_grades: ClassGrades) -> str:
    """Write the grades as JSON, one line per key, in the order of the submissions."""
    run = class_grades.run
    content = {
        "format_version": FORMAT_VERSION,
        "assignment": run.assignment,
        "course_revision": run.course_revision,
        "seed": clean_name(run.seed),
        "isolation": run.isolation,
        "models": list(run.models),
        "grades": [_grade(grade) for grade in class_grades.grades],
    }
    return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def read_grade_file(text: str) -> ClassGrades:
    """Read what `grade_file` wrote; `ReportError` for anything else."""
    try:
        content = json.loads(text)
        if content["format_version"] not in _READ:
            raise ReportError(
                f"the grade file has format_version {content['format_version']!r}; "
                f"this version of moelab reads {' and '.join(map(str, _READ))}"
            )
        run = Run(
            assignment=content["assignment"],
            course_revision=content["course_revision"],
            seed=content["seed"],
            isolation=content["isolation"],
            models=tuple(content["models"]),
        )
        return ClassGrades(run=run, grades=tuple(_read_grade(grade) for grade in content["grades"]))
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise ReportError(f"this is not a grade file ({type(error).__name__}: {error})") from error


def _grade(grade: Grade) -> dict[str, Any]:
    return {
        "student": clean_name(grade.student),
        "submission": clean_name(grade.submission),
        "digest": grade.digest,
        "counts": grade.counts,
        "replaced_by": clean_name(grade.replaced_by) or None,
        "email": clean_line(grade.email),
        "id": clean_line(grade.number),
        "section": clean_line(grade.section),
        "late": grade.late,
        **({"submitted": grade.submitted.isoformat()} if grade.submitted else {}),
        **(_standing(grade.standing) if grade.standing else {}),
        "status": grade.status.value,
        "score": float(grade.score),
        "possible": float(grade.possible),
        "notes": [clean_text(note) for note in grade.notes],
        "exercises": [
            {
                "name": exercise.name,
                "score": float(exercise.score),
                "possible": float(exercise.possible),
                **({"comment": clean_text(exercise.comment)} if exercise.comment else {}),
                "checks": [_check(check) for check in exercise.checks],
            }
            for exercise in grade.exercises
        ],
    }


def _standing(standing: Standing) -> dict[str, Any]:
    """The score after the rules on deadlines, and these in words."""
    return {
        "due": standing.due.isoformat(),
        "days_late": standing.days_late,
        "final": float(standing.final),
        "rules": [clean_text(rule) for rule in standing.rules],
    }


def _check(check: CheckResult) -> dict[str, Any]:
    misconception = check.misconception
    return {
        "name": check.name,
        "title": clean_line(check.title),
        "hidden": check.hidden,
        "points": float(check.points),
        "score": float(check.score),
        "outcome": check.outcome.value,
        "message": clean_text(check.message),
        "misconception": None if misconception is None else clean_text(misconception),
        "seconds": float(check.seconds),
        **({"hint": clean_text(check.hint)} if check.hint else {}),
        **({"promises": [clean_text(one) for one in check.promises]} if check.promises else {}),
        **({"evidence": _evidence(check.evidence)} if check.evidence else {}),
        **({"void": clean_text(check.void)} if check.void else {}),
    }


def _evidence(evidence: Evidence) -> dict[str, str]:
    return {name: clean_line(text, LONGEST_EVIDENCE) for name, text in asdict(evidence).items()}


def _read_grade(grade: dict[str, Any]) -> Grade:
    return Grade(
        student=grade["student"],
        submission=grade["submission"],
        digest=grade["digest"],
        readable=Status(grade["status"]) not in (Status.UNREADABLE, Status.ABSENT),
        notes=tuple(grade["notes"]),
        replaced_by=grade.get("replaced_by") or "",
        late=grade.get("late", False),
        enrolment=_read_enrolment(grade),
        exercises=tuple(
            ExerciseGrade(
                name=exercise["name"],
                checks=tuple(_read_check(check) for check in exercise["checks"]),
                comment=exercise.get("comment", ""),
            )
            for exercise in grade["exercises"]
        ),
    )


def _read_enrolment(grade: dict[str, Any]) -> Enrolment | None:
    found = Enrolment(
        email=grade.get("email", ""),
        number=grade.get("id", ""),
        section=grade.get("section", ""),
    )
    return None if found == Enrolment() else found


def _read_check(check: dict[str, Any]) -> CheckResult:
    found = CheckResult(
        name=check["name"],
        title=check["title"],
        hidden=check["hidden"],
        points=check["points"],
        outcome=Outcome(check["outcome"]),
        message=check["message"],
        misconception=check["misconception"],
        hint=check.get("hint", ""),
        promises=tuple(check.get("promises", ())),
        evidence=Evidence(**check["evidence"]) if "evidence" in check else None,
        seconds=check["seconds"],
        void=check.get("void", ""),
    )
    return replace(found, by_hand=check["score"] - found.score)
