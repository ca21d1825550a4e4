"""`moelab doctor`: what this machine offers."""

from __future__ import annotations

import click

from autograder.cli.common import example


@click.command(
    short_help="Show what this machine offers for grading.", epilog=example("moelab doctor")
)
def doctor() -> int:
    """Show what this machine offers: isolation, GPUs, versions, model cache.

    Exits 1 when grading cannot work here.
    """
    click.echo("trying the sandbox, which takes some seconds", err=True)
    from rich.table import Table
    from rich.text import Text

    from autograder.cli.output import wide_output
    from autograder.doctor import examine

    diagnosis = examine()
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for fact in diagnosis.facts:
        found = Text(fact.found, style="" if fact.good else "yellow")
        if fact.trouble:
            found.append(f"\nto mend it: {fact.trouble}", style="dim")
        table.add_row(Text(fact.what), found)
    out = wide_output()
    out.print(table)
    if diagnosis.can_grade:
        out.print(Text("Grading works on this machine.", style="green"))
        return 0
    out.print(Text("Grading cannot work here: submissions cannot be isolated.", style="bold red"))
    return 1
