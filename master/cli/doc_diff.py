"""`orch doc diff`: what two releases tell a host differently."""

from __future__ import annotations

import click

from orch.common.report import Change
from orch.master.cli import completing, differences, fleet, past, plans
from orch.master.cli.context import desk_of
from orch.master.cli.doc_show import head
from orch.master.cli.exits import Exit
from orch.master.cli.group import ReadingCommand
from orch.master.cli.output import Data, Each


@click.command("diff", cls=ReadingCommand)
@click.argument("host", type=completing.HOST)
@click.argument("old", default="~1")
@click.argument("new", default=past.NEWEST)
@click.pass_context
def diff(context: click.Context, host: str, old: str, new: str) -> None:
    """What the release NEW tells HOST other than the release OLD did; the newest and the one before, if not said.

    Releases are written ~0 (newest), ~1 (the one before), 6 or 1:6. What the host would do is another question:
    orch plan. Ends 3 when there are differences.
    """
    desk = desk_of(context)
    policies = past.chain(desk)
    with desk.line() as centre:
        row = fleet.one(host, fleet.fetch(centre, desk.surroundings.clock).rows.values())
        known = past.releases(policies, centre, row.host, most=200)
        before, after = (
            past.document(policies, centre, row.host, release=past.choose(known, wanted, host=row.host))
            for wanted in (old, new)
        )
    found = differences.between(before.document, after.document)
    if desk.output.structured:
        changes = [_data(change) for change in found]
        members: dict[str, Data] = {"host": row.host, "old": past.named(before.signed), "new": past.named(after.signed)}
        desk.output.data("orch/doc-diff/1", {**members, "changes": changes}, each=Each("changes"))
    else:
        lines = [desk.output.change("  " + plans.change_line(change)) for change in found]
        heads = [f"from {head(desk, before)}", f"to   {head(desk, after)}", ""]
        desk.output.lines([*heads, *(lines or ["  no difference for the host"])])
        desk.output.next(f"orch doc show {row.host}", f"orch undo {row.host}")
    if found:
        context.exit(Exit.DIFFERENT)


def _data(change: Change) -> Data:
    return {
        "sign": change.sign.value,
        "kind": change.kind,
        "name": change.name,
        "before": change.before or None,
        "after": change.after or None,
    }
