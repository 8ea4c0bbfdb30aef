"""`orch audit log`: who decided what, and when, each entry checked against its signature."""

from __future__ import annotations

from pathlib import Path

import click

from orch.common import printable
from orch.common.clock import rfc3339
from orch.common.ledger import Entry
from orch.master.cli import past, record
from orch.master.cli.context import Desk, desk_of
from orch.master.cli.duration import seconds
from orch.master.cli.exits import Exit
from orch.master.cli.group import ReadingCommand
from orch.master.cli.output import Data, Each, table


@click.command("log", cls=ReadingCommand)
@click.option("--since", metavar="TIME", callback=seconds, default="30d", show_default=True, help="How far back.")
@click.option("--kind", type=click.Choice(["policy", "admission", "revocation", "release"]), help="Only these.")
@click.option("--file", type=click.Path(path_type=Path, dir_okay=False), help="From a file that export wrote.")
@click.pass_context
def log(context: click.Context, *, since: float, kind: str | None, file: Path | None) -> None:
    """Who decided what, and when: policies, hosts let in and turned away, releases; the oldest first.

    Each entry is what somebody signed, checked against the policies in your files: a centre can leave things out, but
    invent none. Ends 5 if there is anything that cannot be believed.
    """
    desk = desk_of(context)
    after = desk.surroundings.clock.wall() - int(since)
    entries = [entry for entry in gathered(desk, file) if entry.problem or entry.time >= after]
    shown = [entry for entry in entries if kind in (None, entry.kind)]
    if desk.output.structured:
        desk.output.data("orch/audit-log/1", {"entries": [_data(entry) for entry in shown]}, each=Each("entries"))
    else:
        desk.output.lines(table([_cells(desk, entry) for entry in shown]) or ["nothing was decided in that time"])
        desk.output.next("orch audit verify", "orch audit export FILE")
    if any(entry.problem for entry in shown):
        context.exit(Exit.REFUSED)


def gathered(desk: Desk, file: Path | None) -> list[Entry]:
    """The judged record, of the centre or of a file."""
    policies = past.chain(desk)
    if file is not None:
        return record.judged(policies, record.read(file))
    with desk.line() as centre:
        return record.judged(policies, record.fetch(centre))


def _cells(desk: Desk, entry: Entry) -> tuple[str, ...]:
    if entry.problem:
        return (desk.output.sign("✗"), entry.kind, "", printable.one_line(entry.problem))
    return (rfc3339(entry.time), entry.kind, " and ".join(entry.by), printable.one_line(entry.what))


def _data(entry: Entry) -> Data:
    if entry.problem:
        return {"kind": entry.kind, "problem": entry.problem}
    return {"kind": entry.kind, "time": rfc3339(entry.time), "by": list(entry.by), "what": entry.what}
