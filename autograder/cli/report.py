"""`moelab report`: reports from a gradebook, without grading again."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from autograder.cli.common import CannotStart, example, told

if TYPE_CHECKING:
    from autograder.gradebook import Gradebook
    from autograder.records import ClassGrades
    from autograder.report.anonymous import Pseudonyms
    from autograder.report.changes import PolicyChange
    from autograder.report.lms.attendance import Attendance
    from autograder.report.lms.roster import Roster
    from autograder.report.policy.reading import Policy

_FILE = click.Path(path_type=Path, dir_okay=False)
_FOLDER = click.Path(path_type=Path, file_okay=False)

_BY_NUMBER = (
    "Moodle's file goes by the participant numbers in the folders' names. Of a team assignment "
    "these are the groups' numbers: give the grading worksheet as --roster, which has names too."
)

_NOWHERE_TO_SEND = {
    "moodle": "No student of this class has a participant number of Moodle: give the assignment's "
    "grading worksheet as --roster.",
    "canvas": "No file of this class has a name that Canvas gave it: feedback can go back into "
    "Canvas only for what was downloaded from there.",
    "mail": "No student of this class has an address: give a list that has them as --roster.",
}

OUTPUTS = ("json", "csv", "html", "feedback", "gradescope", "canvas", "moodle")


def output_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that name what else is written, and for whom."""
    for option in (
        click.option(
            "--roster",
            type=click.Path(path_type=Path, dir_okay=False, exists=True),
            metavar="CSV",
            help="Who takes the course, as Canvas, Moodle or Gradescope export it.",
        ),
        click.option("--moodle", type=_FILE, help="Write a CSV file that Moodle imports."),
        click.option("--canvas", type=_FILE, help="Write a CSV file that Canvas imports."),
        click.option("--gradescope", type=_FILE, help="Write Gradescope's results.json."),
        click.option(
            "--html", type=_FOLDER, metavar="DIR", help="Write a page for people to DIR/index.html."
        ),
        click.option(
            "--feedback", type=_FOLDER, metavar="DIR", help="Write a page for each student to DIR."
        ),
        click.option("--csv", type=_FILE, help="Write a table, one row per submission."),
        click.option("--json", type=_FILE, help="Write everything that is known, for programs."),
    ):
        command = option(command)
    return command


@click.command(
    epilog=example(
        "moelab demo", "moelab report moelab-demo/gradebook.db --html report --feedback feedback"
    )
)
@click.argument("gradebook", metavar="GRADEBOOK")
@click.option("--assignment", metavar="NAME", help="Which assignment, where there are several.")
@click.option("--diff", is_flag=True, help="Show what grading again has changed (--csv, --json).")
@click.option(
    "--feedback-zip",
    "zips",
    multiple=True,
    metavar="KIND[=FILE]",
    help="Pack the feedback pages for `moodle`, `canvas` or `mail`.  [default: feedback-KIND.zip]",
)
@click.option(
    "--policy",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    metavar="TOML",
    help="Rules on deadlines from now on.  [default: those of last time]",
)
@click.option(
    "--anonymous", is_flag=True, help="Put pseudonyms, the same each time, for students' names."
)
@click.option(
    "--key",
    type=_FILE,
    default=Path("pseudonyms.csv"),
    show_default=True,
    help="Who is who, for --anonymous: keep it apart from the reports.",
)
@click.option("--term", type=_FILE, help="Write a table of all assignments, the lowest dropped.")
@output_options
def report(
    gradebook: str,
    assignment: str | None,
    roster: Path | None,
    zips: tuple[str, ...],
    policy: Path | None,
    term: Path | None,
    key: Path,
    *,
    diff: bool,
    anonymous: bool,
    **outputs: Path | None,
) -> None:
    """Report what was graded, without grading again.

    GRADEBOOK is a file or a URL. The newest grade of each submission counts.
    """
    from autograder.cli.deadlines import changed_policy, keep_policy, policy_of, write_term
    from autograder.gradebook import Gradebook, GradebookError

    check_outputs({**outputs, "term": term})
    packed = _zips(zips)
    names = _pseudonyms(key, outputs, packed) if anonymous else None
    people = people_of(roster)
    with told(GradebookError), Gradebook.open(gradebook, create=False) as book:
        if policy is not None:
            keep_policy(book, policy)
        rules = policy_of(book)
        if term is not None:
            write_term(book, term, rules, people, names)
            more = diff or packed or any(outputs.values())
            if len(book.assignments()) > 1 and assignment is None and not more:
                return
        name = chosen_assignment(book, gradebook, assignment)
        if diff:
            show_changes(book, name, outputs, changed_policy(book, name, people), names)
            return
        class_grades = book.latest(name)
    show(class_grades, gradebook, outputs, people, zips=packed, rules=rules, names=names)


def _pseudonyms(key: Path, outputs: dict[str, Path | None], zips: dict[str, Path]) -> Pseudonyms:
    """The pseudonyms of a key; `CannotStart` for files that go back to people by their names."""
    from autograder.report.anonymous import Pseudonyms
    from autograder.report.files import ReportError, check_writable

    named = [f"--{kind}" for kind in ("canvas", "moodle") if outputs.get(kind) is not None]
    if named or zips:
        asked = (named or ["--feedback-zip"])[0]
        raise CannotStart(f"{asked} goes by who students are, and --anonymous hides it: give one.")
    with told(ReportError):
        check_writable(key)
        return Pseudonyms(key)


def _zips(asked: tuple[str, ...]) -> dict[str, Path]:
    """The files to pack feedback into, by kind; `CannotStart` where one cannot be written."""
    from autograder.report.feedback.packing import KINDS
    from autograder.report.files import ReportError, check_writable

    found = {}
    for one in asked:
        kind, _, file = one.partition("=")
        if kind not in KINDS:
            raise CannotStart(f"--feedback-zip takes {', '.join(KINDS)}, not {kind!r}.")
        found[kind] = Path(file or f"feedback-{kind}.zip")
        with told(ReportError):
            check_writable(found[kind])
    return found


def check_outputs(outputs: dict[str, Path | None]) -> None:
    """Make sure, before any work, that everything can be written; makes the pages' folders."""
    from autograder.report.files import ReportError, check_writable, make_folder

    page, feedback = outputs.get("html"), outputs.get("feedback")
    if page is not None and feedback is not None and page.resolve() == feedback.resolve():
        raise CannotStart(
            f"{page} cannot hold both: give --html and --feedback folders of their own."
        )
    with told(ReportError):
        for kind, path in outputs.items():
            if path is not None:
                (make_folder if kind in ("html", "feedback") else check_writable)(path)


def people_of(roster: Path | None) -> Roster | None:
    """Read the roster that was given, before any work."""
    if roster is None:
        return None
    from autograder.report.files import ReportError
    from autograder.report.lms.roster import read_roster

    with told(ReportError):
        return read_roster(roster)


def show(
    class_grades: ClassGrades,
    gradebook: str,
    outputs: dict[str, Path | None],
    people: Roster | None,
    *,
    zips: dict[str, Path] | None = None,
    rules: Policy | None = None,
    names: Pseudonyms | None = None,
) -> ClassGrades:
    """Write the files that were asked for, and print the summary on standard output.

    Returns the class as the roster has it, where there is one.
    """
    from autograder.cli.output import output
    from autograder.report.lms.attendance import attendance, enrolled
    from autograder.report.terminal import summary

    present = None if people is None else attendance(people, class_grades)
    if people is not None and present is not None:
        class_grades = enrolled(people, class_grades, present)
    if rules is not None:
        from autograder.cli.deadlines import under_policy

        class_grades, present = under_policy(rules, class_grades, present)
    if names is not None:
        class_grades, people, present = names.anonymous(class_grades), None, None
        _keep_key(names)
    try:
        write_outputs(class_grades, outputs, people, present)
        _pack_feedback(class_grades, zips or {}, present)
    except CannotStart as error:
        kept = f"The grades are in {shown_gradebook(gradebook)}: mend that and start again."
        raise CannotStart(f"{error.message} {kept}") from error
    written = [kind for kind, path in outputs.items() if path is not None]
    output().print(summary(class_grades, shown_gradebook(gradebook), written))
    return class_grades


def shown_gradebook(gradebook: str) -> str:
    """A gradebook as a person may write it in a command, without its password."""
    return re.sub(r"(://[^:/@]*):[^@]*@", r"\1@", gradebook)


def write_outputs(
    class_grades: ClassGrades,
    outputs: dict[str, Path | None],
    people: Roster | None = None,
    present: Attendance | None = None,
) -> None:
    """Write the files that were asked for, and say on standard error where they are."""
    from autograder.report.files import ReportError
    from autograder.report.grade_file import grade_file
    from autograder.report.lms.gradescope import gradescope_results
    from autograder.report.lms.platforms import canvas_file, moodle_file
    from autograder.report.table import table

    writers: dict[str, Callable[[ClassGrades], str]] = {
        "json": grade_file,
        "csv": table,
        "gradescope": gradescope_results,
        "canvas": partial(canvas_file, roster=people, present=present),
        "moodle": partial(moodle_file, roster=people, present=present),
    }
    with told(ReportError):
        for kind, path in outputs.items():
            if path is None:
                continue
            if kind == "html":
                from autograder.report.class_page.html import write_html

                click.echo(f"wrote {write_html(class_grades, path)}", err=True)
            elif kind == "feedback":
                from autograder.report.feedback.files import write_feedback

                click.echo(f"wrote {write_feedback(class_grades, path)}", err=True)
            else:
                _write(path, writers[kind](class_grades))
                if kind == "moodle" and people is None:
                    click.echo(_BY_NUMBER, err=True)


def _pack_feedback(
    class_grades: ClassGrades, zips: dict[str, Path], present: Attendance | None
) -> None:
    from autograder.report.feedback.packing import feedback_zip
    from autograder.report.files import ReportError, write_bytes
    from autograder.report.numbers import count

    for kind, path in zips.items():
        packed = feedback_zip(kind, class_grades, present)
        if not packed.pages:
            raise CannotStart(_NOWHERE_TO_SEND[kind])
        with told(ReportError):
            write_bytes(path, packed.data)
        click.echo(f"wrote {path}: {count(packed.pages, 'page')}", err=True)
        if packed.left_out:
            names = ", ".join(packed.left_out[:5]) + ", …" * (len(packed.left_out) > 5)
            left = count(len(packed.left_out), "student is", "students are")
            click.echo(f"{left} not in it, not being known to {kind}: {names}.", err=True)


def show_changes(
    book: Gradebook,
    assignment: str,
    outputs: dict[str, Path | None],
    by_policy: tuple[PolicyChange, ...] = (),
    names: Pseudonyms | None = None,
) -> None:
    """Print, and write where asked, what changed from the attempts before to the newest ones."""
    from autograder.cli.output import output
    from autograder.report.changes import changes, changes_file, changes_table
    from autograder.report.changes_terminal import changes_summary
    from autograder.report.files import ReportError

    writers = {"csv": changes_table, "json": changes_file}
    asked = {kind: path for kind, path in outputs.items() if path is not None}
    if other := asked.keys() - writers.keys():
        raise CannotStart(f"--diff writes --csv and --json alone, not --{min(other)}.")
    pairs = book.graded_twice(assignment)
    if names is not None:
        pairs = [
            ((old_run, names.one(old)), (new_run, names.one(new)))
            for (old_run, old), (new_run, new) in pairs
        ]
        by_policy = tuple(
            replace(one, before=names.one(one.before), after=names.one(one.after))
            for one in by_policy
        )
        _keep_key(names)
    found = replace(changes(assignment, pairs), by_policy=by_policy)
    with told(ReportError):
        for kind, path in asked.items():
            _write(path, writers[kind](found))
    output().print(changes_summary(found))


def _keep_key(names: Pseudonyms) -> None:
    """Write the key to the pseudonyms before a report under them is."""
    from autograder.report.files import ReportError

    with told(ReportError):
        if names.save():
            click.echo(f"{names.path} says who is who: keep it apart from the reports.", err=True)


def _write(path: Path, text: str) -> None:
    from autograder.report.files import write_text

    write_text(path, text)
    click.echo(f"wrote {path}", err=True)


def chosen_assignment(book: Gradebook, gradebook: str, asked: str | None) -> str:
    """The assignment that was asked for, else the only one; `CannotStart` where there is none."""
    if asked is not None:
        return asked
    names = book.assignments()
    if len(names) == 1:
        return names[0]
    if not names:
        raise CannotStart(f"{gradebook} holds no grades yet: `moelab grade` puts them there.")
    raise CannotStart(
        f"{gradebook} holds grades of {', '.join(names)}: choose one with --assignment NAME."
    )
