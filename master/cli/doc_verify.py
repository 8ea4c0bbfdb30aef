"""`orch doc verify`: whether what the centre hands out is what operators signed, host by host."""

from __future__ import annotations

import click

from orch.common import printable
from orch.common.errors import Malformed, Refused, UsageError
from orch.common.rows import Row
from orch.master.cli import completing, fleet, past, selection
from orch.master.cli.context import desk_of
from orch.master.cli.exits import Exit
from orch.master.cli.group import ReadingCommand
from orch.master.cli.line import Centre
from orch.master.cli.output import HOSTS, Data


@click.command("verify", cls=ReadingCommand)
@click.argument("target", required=False, type=completing.TARGET)
@click.pass_context
def verify(context: click.Context, target: str | None) -> None:
    """Whether the newest release and document that the centre keeps for each host are what operators signed.

    Checks each signature against the chain of policies in your files, and each document against the signed root. The
    hosts do the same before they take anything; this finds a damaged or hostile centre without waiting for them. Ends 5
    where something is not in order.
    """
    desk = desk_of(context)
    policies = past.chain(desk)
    with desk.line() as centre:
        known = fleet.fetch(centre, desk.surroundings.clock)
        rows = known.ordered(fleet.chosen(target, known.rows.values(), lambda word: selection.hosts(desk, word, known)))
        if target is not None and not rows:
            raise UsageError(f"no host is meant by {target!r}", hint="see which there are: orch status -v")
        problems = {row.host: _problem(policies, centre, row) for row in rows}
    bad = {host: text for host, text in problems.items() if text}
    if desk.output.structured:
        hosts: list[Data] = [{"host": host, "problem": text or None} for host, text in sorted(problems.items())]
        desk.output.data("orch/doc-verify/1", {"policy": policies[-1].version, "hosts": hosts}, each=HOSTS)
    else:
        lines = [desk.output.sign(f"✗ {host}") + f": {printable.one_line(text)}" for host, text in sorted(bad.items())]
        good = len(problems) - len(bad)
        lines.append(desk.output.sign("✓ " if not bad else "") + f"{good} of {len(problems)} as operators signed them")
        desk.output.lines(lines)
        desk.output.next("orch status", *(["orch init --recover"] if bad else []))
    if bad:
        context.exit(Exit.REFUSED)


def _problem(policies: past.Chain, centre: Centre, row: Row) -> str:
    if row.wanted == (0, 0):
        return ""
    try:
        found = past.releases(policies, centre, row.host, most=1)
        if not found:
            return "the centre names a release for it and keeps none"
        newest = found[0]
        if newest.signed is None:
            return newest.problem
        past.document(policies, centre, row.host, release=newest.signed)
    except (Malformed, Refused, UsageError) as err:
        return err.text  # what it lacks is as much a finding as what it changed
    if newest.signed.hash != row.wanted_release:
        return f"the centre hands out another release than its newest, {past.named(newest.signed)}"
    return ""
