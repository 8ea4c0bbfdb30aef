"""`orch doctor`: what is wrong with files, keys, line, centre and hosts, and the command that mends each."""

from __future__ import annotations

from collections.abc import Iterator

import click

from orch.common.errors import OrchError
from orch.master.cli import checkup_desk, checkup_hosts, checkup_line, finding
from orch.master.cli.context import Desk, desk_of
from orch.master.cli.exits import Exit
from orch.master.cli.finding import Finding, Mark
from orch.master.cli.group import ReadingCommand
from orch.master.cli.output import Each


@click.command(cls=ReadingCommand)
@click.pass_context
def doctor(context: click.Context) -> None:
    """Look at everything that can be looked at, and say what is wrong and what mends it.

    Files, git, keys and their modes, the chain of policies; every address of the centre, its clock, disk and version;
    hosts that failed, are silent, listen, or wait to be let in; what ends soon. Nothing is changed. Ends 1 where
    something is wrong (✗), 0 where at most something is worth a look (!). -q shows only those two.
    """
    desk = desk_of(context)
    found = list(_all(desk))
    counted = {mark: sum(item.mark is mark for item in found) for mark in Mark}
    if desk.output.structured:
        counts = {mark.word: count for mark, count in counted.items()}
        desk.output.data(
            "orch/doctor/1", {"findings": [item.data() for item in found], "counts": counts}, each=Each("findings")
        )
    else:
        shown = [item for item in found if item.mark is not Mark.GOOD or not desk.output.quiet]
        desk.output.lines(line for item in shown for line in item.lines(desk.output))
        desk.output.lines(["", _summary(counted)])
        bad = counted[Mark.WRONG] or counted[Mark.LOOK]
        desk.output.next("do what stands at `do:`, the first first; then: orch doctor" if bad else "orch status")
    if counted[Mark.WRONG]:
        context.exit(Exit.FAILED)


def _summary(counted: dict[Mark, int]) -> str:
    if counted[Mark.WRONG] or counted[Mark.LOOK]:
        return f"{counted[Mark.WRONG]} wrong, {counted[Mark.LOOK]} worth a look, {counted[Mark.GOOD]} well"
    return f"all {counted[Mark.GOOD]} are well"


def _all(desk: Desk) -> Iterator[Finding]:
    yield from checkup_desk.look(desk)
    policy = desk.folder.newest_policy()
    try:
        login = desk.login()
    except OrchError:
        return  # said above; without it nobody answers
    met = checkup_line.dial(desk, policy, login)
    yield from met.findings
    if met.centre is None:
        yield finding.wrong("centre", "it cannot be asked, so nothing is known of hosts", do="mend the line first")
        return
    try:
        found, fleet = checkup_line.look(desk, policy, met.centre)
        yield from found
        if fleet is not None:
            yield from checkup_hosts.look(desk, met.centre, fleet)
    except OrchError as err:
        yield finding.failed("centre", err)
    finally:
        met.centre.close()
