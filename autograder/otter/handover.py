"""From our grade to Otter: a notebook that holds verdicts, and test files that report them.

The verdicts travel as JSON in a notebook that the grader writes; a test looks its own one up. No
test receives anything of the student's, so there is nothing a student could have prepared for it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from autograder.records import CheckResult, Grade, Outcome
from autograder.report.feedback.content import quoted, student_message

if TYPE_CHECKING:  # Otter's process needs no torch
    from autograder.authoring.assignment import Assignment
    from autograder.authoring.exercise import Check, Exercise

VERDICTS = "moelab_verdicts"  # the name in the notebook, and the argument of every test
PASSING = (Outcome.PASSED, Outcome.GRADER_ERROR)

_EXPLANATION = (
    "moelab has graded the student's notebook in its sandbox. Otter runs this notebook in its "
    "place: it holds the verdicts, and none of the student's code."
)
_TEST_HEAD = '''\
"""Reports what moelab's sandbox found for `{name}`; see docs/how-to/otter.md."""

from otter.test_files import test_case

OK_FORMAT = False
name = {quoted}
points = None
all_or_nothing = False
'''


def verdict_notebook(grade: Grade) -> nbformat.NotebookNode:
    """The notebook that Otter executes in the student's place."""
    table = {
        exercise.name: {check.name: _verdict(exercise.name, check) for check in exercise.checks}
        for exercise in grade.exercises
    }
    literal = repr(json.dumps(table, ensure_ascii=True))
    notebook = new_notebook(
        cells=[
            new_markdown_cell(_EXPLANATION, id="explanation"),
            new_code_cell(f"import json\n\n{VERDICTS} = json.loads({literal})", id="verdicts"),
        ],
        metadata={"kernelspec": {"display_name": "Python 3", "name": "python3"}},
    )
    notebook.nbformat_minor = 5
    return notebook


def message_of(exercise: str, check: CheckResult) -> str:
    """What a check says in Otter's reports, which students read; "" where it says nothing."""
    if check.outcome is Outcome.PASSED:
        return ""
    if check.outcome is Outcome.GRADER_ERROR:
        return "This check could not be judged, and costs no points. Your instructor will look."
    said = student_message(exercise, check) or check.title
    if check.outcome is not Outcome.FAILED:
        said = f"{check.outcome.value}: {said}"
    says = f"The exercise says: {quoted(check.promises)}" if check.promises else ""
    return "\n".join(filter(None, (said, says, check.hint)))


def otter_test_files(assignment: Assignment) -> dict[str, str]:
    """Otter test files for all checks, by file name; their order is that of the exercises."""
    return {
        f"{number:02}_{exercise.name}.py": "\n\n".join([_head(exercise), *_cases(exercise)])
        for number, exercise in enumerate(assignment.exercises, start=1)
    }


def _verdict(exercise: str, check: CheckResult) -> tuple[bool, str]:
    return check.outcome in PASSING, message_of(exercise, check)


def _head(exercise: Exercise) -> str:
    return _TEST_HEAD.format(name=exercise.name, quoted=_quoted(exercise.name))


def _cases(exercise: Exercise) -> Iterator[str]:
    for check in exercise.checks:
        yield (
            f"@test_case(name={_quoted(check.title)}, points={points_literal(check)}, "
            f"hidden={check.hidden})\n"
            f"def {check.name}({VERDICTS}):\n"
            f"    passed, message = "
            f"{VERDICTS}[{_quoted(exercise.name)}][{_quoted(check.name)}]\n"
            f"    assert passed is True, message\n"
        )


def points_literal(check: Check) -> str:
    """A check's points as Otter wants them written: `2` rather than `2.0`."""
    return repr(int(check.points) if check.points == int(check.points) else float(check.points))


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
