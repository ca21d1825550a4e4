"""`moelab similar`: which students' code is alike, side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from autograder.cli.common import CannotStart, example, told
from autograder.cli.report import chosen_assignment, people_of

if TYPE_CHECKING:
    from rich.console import RenderableType

    from autograder.report.lms.roster import Roster
    from autograder.similar.comparing import Comparison
    from autograder.similar.corpus import Author

_SHOWN = 20  # pairs on the terminal


@click.command(
    epilog=example("moelab demo", "moelab similar moelab-demo/gradebook.db --html similar")
)
@click.argument("where", metavar="GRADEBOOK|FOLDER")
@click.option("--assignment", metavar="NAME", help="Which assignment, where there are several.")
@click.option(
    "--earlier",
    multiple=True,
    metavar="GRADEBOOK|FOLDER",
    help="An earlier class to compare with as well; may be given several times.",
)
@click.option(
    "--roster",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    metavar="CSV",
    help="Who takes the course: students of a gradebook go by its names.",
)
@click.option(
    "--html",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Write the pairs side by side to DIR/index.html.",
)
@click.option(
    "--export",
    "exports",
    multiple=True,
    metavar="KIND=DIR",
    help="Write the codes for `dolos` or `jplag`.",
)
def similar(
    where: str,
    assignment: str | None,
    earlier: tuple[str, ...],
    roster: Path | None,
    html: Path | None,
    exports: tuple[str, ...],
) -> None:
    """Show which students' code is alike, function by function.

    GRADEBOOK is a file or a URL, and FOLDER holds submissions. Names, docstrings, comments and what
    many of the class wrote alike say nothing and are left out. What is alike is shown, and nothing
    is concluded from it.
    """
    from autograder.cli.output import output

    wanted = _exports(exports)
    compare = _comparing()
    from autograder.report.files import ReportError
    from autograder.similar.corpus import with_bare_codes
    from autograder.similar.export import export
    from autograder.similar.page import write_pairs

    what, authors = _authors(where, assignment, people=people_of(roster))
    if len(authors) < 2:
        raise CannotStart(
            f"{where} holds the code of {len(authors)} students, and two are needed. A gradebook "
            "of an older version has none: name the folder of the submissions instead."
        )
    names = sorted({name for one in authors for name in one.codes})
    for place in earlier:
        authors += _authors(place, assignment or what, names, earlier=place)[1]
    authors = with_bare_codes(authors)
    found = compare(authors)
    with told(ReportError):
        for kind, folder in wanted.items():
            click.echo(f"wrote {export(kind, authors, folder)}", err=True)
        if html is not None:
            click.echo(f"wrote {write_pairs(found, what, html)}", err=True)
    output().print(_table(found))


def _comparing() -> Callable[[Sequence[Author]], Comparison]:
    """What compares, which is an extra of its own."""
    try:
        from autograder.similar.comparing import compare
    except ModuleNotFoundError as error:
        raise CannotStart(
            f"`moelab similar` needs {error.name}: pip install 'moelab[similar]'."
        ) from error
    return compare


def _exports(asked: tuple[str, ...]) -> dict[str, Path]:
    from autograder.similar.export import KINDS

    found = {}
    for one in asked:
        kind, _, folder = one.partition("=")
        if kind not in KINDS or not folder:
            raise CannotStart(f"--export takes {' or '.join(f'{k}=DIR' for k in KINDS)}.")
        found[kind] = Path(folder)
    return found


def _authors(
    where: str,
    assignment: str | None,
    wanted: list[str] | None = None,
    earlier: str = "",
    people: Roster | None = None,
) -> tuple[str, list[Author]]:
    """What a place is called, and its students with their code."""
    from autograder.similar.corpus import authors_of_folder, authors_of_grades

    path = Path(where)
    if path.is_dir() or path.suffix.lower() == ".zip":
        try:
            return path.name, authors_of_folder(path, wanted or (), earlier)
        except ValueError as error:
            raise CannotStart(f"{error}.") from error
    from autograder.gradebook import Gradebook, GradebookError
    from autograder.report.lms.attendance import attendance, enrolled

    with told(GradebookError), Gradebook.open(where, create=False) as book:
        known = book.assignments()
        asked = assignment if not earlier or assignment in known else None
        name = chosen_assignment(book, where, asked)
        class_grades = book.latest(name)
    if people is not None:
        class_grades = enrolled(people, class_grades, attendance(people, class_grades))
    return name, authors_of_grades(class_grades, earlier)


def _table(found: Comparison) -> RenderableType:
    from rich import box
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    from autograder.report.numbers import percent
    from autograder.text import clean_name

    head = Text(
        f"{found.compared} pairs of {len(found.authors)} students; half of the pairs have at most "
        f"{percent(found.median, 1)} in common."
    )
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("in common", justify="right", no_wrap=True)
    table.add_column("students", overflow="fold")
    table.add_column("most alike in", overflow="fold")
    table.add_column("rare mistakes", justify="right", no_wrap=True)
    for pair in found.pairs[:_SHOWN]:
        both = f"{clean_name(pair.one.student)}, {clean_name(pair.other.student)}"
        best = ", ".join(f"{one.exercise} {percent(one.share, 1)}" for one in pair.alike[:2])
        wrong = str(len(pair.same_wrong) or "")
        table.add_row(percent(pair.share, 1), Text(both), Text(best), wrong)
    last = Text("This says what is alike, and not why: read both codes, and ask.", "dim")
    return Group(head, table, last)
