"""`orch audit export`: the record in one file."""

from __future__ import annotations

from pathlib import Path

import click

from orch.master.cli import past, record
from orch.master.cli.context import desk_of
from orch.master.cli.exits import Exit
from orch.master.cli.group import OrchCommand


@click.command("export", cls=OrchCommand)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.pass_context
def export(context: click.Context, file: Path) -> None:
    """Write everything that operators signed, as they signed it, into FILE; a file that is there is replaced.

    Whoever has the estate's files can verify it without the centre: orch audit verify --file FILE. Nothing in it is
    secret.
    """
    desk = desk_of(context)
    policies = past.chain(desk)
    with desk.line() as centre:
        rows = record.fetch(centre)
    record.write(file, rows, estate=policies[-1].estate)
    bad = sum(bool(entry.problem) for entry in record.judged(policies, rows))
    desk.output.note(f"{len(rows)} entries written to {file}" + (f", {bad} of which cannot be believed" if bad else ""))
    desk.output.next(f"orch audit verify --file {file}")
    if bad:
        context.exit(Exit.REFUSED)
