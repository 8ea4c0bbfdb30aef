"""`orch status`: how every site is now."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import click

from orch.common.clock import rfc3339
from orch.common.errors import UsageError
from orch.common.rows import Row
from orch.master.cli import completing, screens, watching
from orch.master.cli import fleet as fleets
from orch.master.cli.condition import Condition, condition, counts, note, standing
from orch.master.cli.context import Desk, desk_of
from orch.master.cli.exits import Exit
from orch.master.cli.fleet import Fleet
from orch.master.cli.group import NamingCommand
from orch.master.cli.line import Centre
from orch.master.cli.output import HOSTS, Data
from orch.master.cli.watching import Silent

Wanted = Callable[[Row], bool]


@click.command(cls=NamingCommand)
@click.argument("target", required=False, type=completing.TARGET)
@click.option("--watch", "-w", is_flag=True, help="Stay, and show changes as they come; Ctrl-C ends it.")
@click.option("--exit-code", is_flag=True, help="End 3 if any host is not converged, 1 if one failed.")
@click.option("--verify", is_flag=True, help="Check each host's signature on what the centre says of it.")
@click.option(
    "--prove", type=click.Choice(["no-inbound"]), help="What the hosts themselves signed: that nothing listens there."
)
@click.pass_context
def status(context: click.Context, /, target: str | None, **options: object) -> None:
    """How every site is now, or those that TARGET means: one line a site, -v one line a host.

    --prove no-inbound shows who listens at each host where no document allows it, as the host signed it, and when; a
    host that is on the line looks every 20 s and reports a change at once. It ends 1 where somebody listens or a host
    has signed nothing, 4 where one is silent.
    """
    desk = desk_of(context)
    verify, watch = bool(options["verify"]), bool(options["watch"])
    if watch and (verify or options["prove"]):
        raise UsageError("--verify and --prove look once", hint="orch explain HOST --watch checks all that it shows")
    if watch:
        _watch(desk, target)
        return
    with desk.line() as centre:
        fleet = fleets.fetch(centre, desk.surroundings.clock)
        known = [row.host for row in standing(fleet.rows.values())]
        desk.remember(hosts=known, sites=(host.partition("/")[0] for host in known))
        rows = fleet.ordered(fleets.chosen(target, fleet.rows.values(), partial(_resolve, desk, fleet)))
        if options["prove"]:
            context.exit(_prove(desk, centre, fleet, rows))
        doubts = _verified(desk, centre, rows) if verify else {}
    _show(desk, fleet, rows)
    for host, why in doubts.items():
        desk.output.problem(f"{host} is in doubt: {why}")
    if doubts:
        context.exit(Exit.FAILED)
    if options["exit_code"]:
        context.exit(_exit_code(rows))


def _prove(desk: Desk, centre: Centre, fleet: Fleet, rows: list[Row]) -> Exit:
    from orch.master.cli import proving  # loads the cryptography, which a plain status need not

    desk.verified()
    found = proving.no_inbound(desk, centre, rows)
    if desk.output.structured:
        members: dict[str, Data] = {"time": rfc3339(fleet.now.time), "hosts": proving.data(found)}
        desk.output.data("orch/no-inbound/1", members, each=HOSTS)
        return proving.exit_code(found)
    desk.output.lines(proving.screen(desk.output, fleet, found))
    bad = [proof for proof in found if proof.standing in (proving.Standing.OPEN, proving.Standing.UNPROVEN)]
    desk.output.next(f"orch explain {bad[0].row.host}" if bad else "orch status")
    return proving.exit_code(found)


def _verified(desk: Desk, centre: Centre, rows: list[Row]) -> dict[str, str]:
    from orch.master.cli import believing  # loads the cryptography, which a plain status need not

    desk.verified()
    doubts = believing.doubts(desk, centre, rows)
    if not doubts:
        desk.output.note(f"every outcome shown is signed by its host, {len(rows)} looked at")
    return doubts


def _watch(desk: Desk, target: str | None) -> None:
    shown, coming = Fleet(desk.surroundings.clock), Fleet(desk.surroundings.clock)
    wanted: Wanted = lambda _row: True  # noqa: E731  until the rows are there to choose from
    desk.output.note(watching.LIVE)
    with screens.live(desk.output) as screen:
        for found in watching.views(desk):
            if isinstance(found, watching.Silent):
                _silent(desk, found, shown, screen=screen, rows=shown.ordered(wanted))
                coming = Fleet(desk.surroundings.clock)  # a centre that is back tells everything anew
                continue
            view = found.view
            changed = [row for row in view.rows if shown.rows.get(row.host) != row] if view else []
            if view:
                coming.take(view)
            if coming.complete:
                shown = coming
            if view and coming.complete:
                wanted = fleets.chosen(target, shown.rows.values(), partial(_resolve, desk, coming))
            if coming.complete:
                _redraw(desk, shown, screen=screen, rows=(shown.ordered(wanted), changed))


def _silent(desk: Desk, silent: Silent, fleet: Fleet, *, screen: screens.Screen, rows: list[Row]) -> None:
    said = desk.output.sign(f"? {silent}")
    if screen.redraws:
        screen.draw([*screens.status(desk.output, fleet, rows), "", f"  {said}"])
    else:
        desk.output.note(said)


def _resolve(desk: Desk, fleet: Fleet, target: str) -> frozenset[str]:
    from orch.master.cli import selection

    return selection.hosts(desk, target, fleet)


def _redraw(desk: Desk, fleet: Fleet, *, screen: screens.Screen, rows: tuple[list[Row], list[Row]]) -> None:
    every, changed = rows
    if desk.output.structured:
        if changed:
            told = [row for row in changed if row in every] if desk.output.by_item else every
            desk.output.data("orch/status/1", _data(fleet, told), each=HOSTS, one_of_many=True)
    elif screen.redraws or not screen.drawn:
        live = ["", f"  {rfc3339(fleet.now.time)[11:19]} {watching.LIVE}"] if screen.redraws else []
        screen.draw([*screens.status(desk.output, fleet, every), *live])
    else:
        shown = {row.host for row in every}
        screen.draw([screens.event(desk.output, fleet, row) for row in changed if row.host in shown])


def _show(desk: Desk, fleet: Fleet, rows: list[Row]) -> None:
    if desk.output.structured:
        desk.output.data("orch/status/1", _data(fleet, rows), each=HOSTS)
        return
    desk.output.lines(screens.status(desk.output, fleet, rows))
    trouble = [row for row in standing(rows) if condition(row) not in (Condition.CONVERGED, Condition.NEW)]
    if not standing(rows):
        desk.output.next("orch key list --pending")
    elif any(row.ahead for row in standing(rows)):
        desk.output.next("orch apply")
    elif trouble:
        desk.output.next(f"orch explain {min(trouble, key=lambda row: list(Condition).index(condition(row))).host}")
    else:
        desk.output.next("orch plan")


def _exit_code(rows: list[Row]) -> Exit:
    found = {condition(row) for row in standing(rows)}
    if found & {Condition.FAILED, Condition.REFUSED}:
        return Exit.FAILED
    return Exit.DONE if found <= {Condition.CONVERGED} else Exit.DIFFERENT


def _data(fleet: Fleet, rows: list[Row]) -> dict[str, Data]:
    view = fleet.view
    return {
        "estate": view.estate if view else "",
        "policy": view.policy if view else 0,
        "time": rfc3339(fleet.now.time),
        "centre_since": rfc3339(view.since) if view else None,
        "hosts": [host_data(row) for row in rows],
        "counts": {item.word: number for item, number in counts(rows).items()},
    }


def host_data(row: Row) -> dict[str, Data]:
    """A host for scripts; also a part of `orch explain --output json`."""
    return {
        "host": row.host,
        "scope": row.scope,
        "ring": row.ring,
        "condition": condition(row).word,
        "note": note(row),
        "connected": row.connected,
        "heard": rfc3339(row.heard) if row.heard else None,
        "policy": row.policy,
        "wanted": {"epoch": row.wanted[0], "number": row.wanted[1]} if any(row.wanted) else None,
        "running": {"epoch": row.running[0], "number": row.running[1]} if any(row.running) else None,
        "outcome": row.outcome or None,
        "code": row.code or None,
        "text": row.text or None,
        "reported": rfc3339(row.reported) if row.reported else None,
        "report": row.sequence,
        "changes": row.changes,
        "drift": row.drift,
        "ahead": row.ahead,
        "warning": row.warning or None,
        "warned": rfc3339(row.warned) if row.warned else None,
        "listeners": list(row.listeners),
        "key": row.curve.hex(),
        "revoked": rfc3339(row.revoked) if row.revoked else None,
        "revoked_by": row.by or None,
    }
