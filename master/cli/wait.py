"""`orch wait`: stay until hosts are as a script needs them."""

from __future__ import annotations

from collections.abc import Callable

import click

from orch.common.errors import UsageError
from orch.common.rows import Nothing, Row, View
from orch.master.cli import completing
from orch.master.cli import fleet as fleets
from orch.master.cli.condition import Condition, condition, note, standing
from orch.master.cli.context import Desk, desk_of
from orch.master.cli.duration import seconds
from orch.master.cli.exits import Exit
from orch.master.cli.fleet import Fleet
from orch.master.cli.group import ReadingCommand, did_you_mean
from orch.master.cli.output import HOSTS, Data, quoted
from orch.master.cli.selection import ONLINE

APPLIED = "applied"
_HAVE = {Condition.CONVERGED, Condition.DEGRADED}


@click.command(cls=ReadingCommand)
@click.argument("target", type=completing.TARGET)
@click.option(
    "--for", "wanted", required=True, metavar="CONDITION", help="applied, online, or a condition that status shows."
)
@click.option("--timeout", metavar="TIME", default="15m", show_default=True, callback=seconds, help="How long to wait.")
@click.pass_context
def wait(context: click.Context, target: str, *, wanted: str, timeout: float) -> None:
    """Stay until every host that TARGET means is as CONDITION says ('*' for all).

    CONDITION is `applied` (it has what the newest release says), `online`, or a condition as status shows it:
    converged, degraded, failed, refused, offline, waiting, changing, ahead, no-release. Ends 0 when all are so, 4 when
    the time is over.
    """
    fits = _condition(wanted)
    desk = desk_of(context)
    fleet = Fleet(desk.surroundings.clock)
    end = desk.surroundings.clock.boottime() + timeout
    rows: list[Row] = []
    with desk.line() as centre:
        for view in centre.stream("status.watch", Nothing(), View):
            if view is not None:
                fleet.take(view)
            if view is not None and fleet.complete:
                rows = _meant(desk, fleet, target)
                if all(map(fits, rows)):
                    break
            if desk.surroundings.clock.boottime() >= end:
                break
    lacking = [row for row in rows if not fits(row)]
    _show(desk, rows, lacking, wanted=wanted, target=target)
    context.exit(Exit.UNCONFIRMED if lacking or not rows else Exit.DONE)


def _condition(word: str) -> Callable[[Row], bool]:
    """What the word asks of a row.

    Raises:
        UsageError: there is no such condition.
    """
    if word == APPLIED:
        return lambda row: condition(row) in _HAVE
    if word == ONLINE:
        return lambda row: row.connected
    for item in Condition:
        if item.word == word:
            return lambda row: condition(row) is item
    words = [APPLIED, ONLINE, *(item.word for item in Condition)]
    raise UsageError(f"there is no condition {word!r}{did_you_mean(word, words)}", hint=f"known: {', '.join(words)}")


def _meant(desk: Desk, fleet: Fleet, target: str) -> list[Row]:
    from orch.master.cli import selection

    chosen = fleets.chosen(target, fleet.rows.values(), lambda word: selection.hosts(desk, word, fleet))
    rows = standing(fleet.ordered(chosen))
    if not rows:
        raise UsageError(f"no host is meant by {target!r}", hint="see which there are: orch status -v")
    return rows


def _show(desk: Desk, rows: list[Row], lacking: list[Row], *, wanted: str, target: str) -> None:
    output = desk.output
    if output.structured:
        hosts: list[Data] = [
            {"host": row.host, "condition": condition(row).word, "holds": row not in lacking} for row in rows
        ]
        output.data("orch/wait/1", {"for": wanted, "hosts": hosts}, each=HOSTS)
        return
    for row in lacking:
        output.lines([f"  {row.host}  {output.sign(condition(row).value)}  {note(row)}".rstrip()])
    output.lines([f"{len(rows) - len(lacking)} of {len(rows)} hosts: {wanted}"])
    if lacking:
        output.next(f"orch explain {lacking[0].host}")
    else:
        output.next(f"orch status {quoted(target)}" if target != "*" else "orch status")
