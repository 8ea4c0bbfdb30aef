"""`orch doc history`: the releases that named a host, who signed each, and why."""

from __future__ import annotations

import click

from orch.common import printable
from orch.common.clock import ago, rfc3339
from orch.master.cli import completing, fleet, past
from orch.master.cli.context import desk_of
from orch.master.cli.exits import Exit
from orch.master.cli.group import ReadingCommand
from orch.master.cli.output import Data, Each, table
from orch.master.cli.past import Past


@click.command("history", cls=ReadingCommand)
@click.argument("host", type=completing.HOST)
@click.option("--most", type=click.IntRange(1, 200), default=20, show_default=True, help="How many at most.")
@click.pass_context
def history(context: click.Context, host: str, *, most: int) -> None:
    """The releases that named HOST, the newest first: number, age, signers, note.

    HOST is site/host, or the name of a site or host that is unique. How many the centre keeps is `releases` under
    `keep` in its settings. Ends 5 if one of them is not what operators signed.
    """
    desk = desk_of(context)
    policies = past.chain(desk)
    with desk.line() as centre:
        row = fleet.one(host, fleet.fetch(centre, desk.surroundings.clock).rows.values())
        found = past.releases(policies, centre, row.host, most=most)
    now, output = desk.surroundings.clock.wall(), desk.output
    if output.structured:
        output.data(
            "orch/doc-history/1", {"host": row.host, "releases": [_data(item) for item in found]}, each=Each("releases")
        )
    elif not found:
        output.lines([f"no release names {row.host} yet"])
    else:
        rows = [("", "RELEASE", "SIGNED", "BY", "HOSTS", "NOTE"), *(_cells(item, now=now) for item in found)]
        output.lines([printable.one_line(f"{row.host}, scope {row.scope}"), "", *table(rows, right=frozenset({4}))])
        output.next(f"orch doc diff {row.host}", f"orch undo {row.host}")
    if any(item.signed is None for item in found):
        context.exit(Exit.REFUSED)


def _cells(item: Past, *, now: int) -> tuple[str, ...]:
    if item.signed is None:
        return ("✗", "?", f"{ago(now - item.received)} ago", "nobody known", "", printable.one_line(item.problem))
    release = item.signed.release
    note = printable.one_line(release.note) + (" (a return)" if release.returns else "")
    signed = f"{ago(now - release.created)} ago"
    return ("", past.named(item.signed), signed, ", ".join(item.signed.people), str(release.count), note.strip())


def _data(item: Past) -> Data:
    if item.signed is None:
        return {"received": rfc3339(item.received), "problem": item.problem}
    release = item.signed.release
    return {
        "epoch": release.epoch,
        "number": release.number,
        "release": item.signed.hash.hex(),
        "created": rfc3339(release.created),
        "expires": rfc3339(release.expires),
        "received": rfc3339(item.received),
        "signers": list(item.signed.people),
        "policy": item.signed.policy,
        "hosts": release.count,
        "note": release.note or None,
    }
