"""`orch audit verify`: every decision and every report, each checked against its signature and the one before it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click

from orch.common import ledger, printable
from orch.common.errors import UsageError
from orch.common.identity import Admission
from orch.common.ledger import Entry, Trail
from orch.common.operations import Reports, ReportsAsked
from orch.master.cli import past, record
from orch.master.cli.context import desk_of
from orch.master.cli.exits import Exit
from orch.master.cli.group import ReadingCommand
from orch.master.cli.line import Centre
from orch.master.cli.output import HOSTS, Data, Output


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What was looked at."""

    entries: list[Entry]
    trails: dict[str, Trail]

    @property
    def whole(self) -> bool:
        """Whether nothing was found."""
        bad = any(entry.problem for entry in self.entries)
        return not bad and not any(trail.problems for trail in self.trails.values())


@click.command("verify", cls=ReadingCommand)
@click.option(
    "--file", type=click.Path(path_type=Path, dir_okay=False), help="A file that export wrote, not the centre."
)
@click.pass_context
def verify(context: click.Context, *, file: Path | None) -> None:
    """Whether every decision was signed by who might, and every host's reports are its own and without a gap.

    Reports name the one before them by its hash, so one that was changed, left out or put in shows. Only those hosts
    are looked at that your files have an admission of. With --file the decisions of a record, without a centre. Ends 5
    if something is not in order.
    """
    desk = desk_of(context)
    policies = past.chain(desk)
    if file is not None:
        checked = Checked(entries=record.judged(policies, record.read(file)), trails={})
    else:
        known = {host: item.admission for host, item in desk.folder.admissions().items()}
        with desk.line() as centre:
            entries = record.judged(policies, record.fetch(centre))
            trails = {host: _trail(centre, me) for host, me in sorted(known.items())}
        checked = Checked(entries=entries, trails=trails)
    if desk.output.structured:
        desk.output.data("orch/audit-verify/1", _data(checked), each=HOSTS)
    else:
        desk.output.lines(_screen(desk.output, checked))
        desk.output.next("orch audit log")
    if not checked.whole:
        context.exit(Exit.REFUSED)


def _trail(centre: Centre, me: Admission) -> Trail:
    """A host's reports; a host that your files let in and the centre does not know is a finding, and stops nothing."""
    try:
        return ledger.follow(me, _reports(centre, me))
    except UsageError as err:
        return Trail(problems=(err.text,))


def _reports(centre: Centre, me: Admission) -> Iterator[bytes]:
    after = 0
    while True:
        part = centre.ask("host.reports", ReportsAsked(host=me.host, after=after), Reports).reports
        if not part:
            return
        yield from part
        after = _last(part, after)


def _last(part: tuple[bytes, ...], after: int) -> int:
    """The number of the last report of a part; where it cannot be read, as many further as there were."""
    from orch.common import trust
    from orch.common.errors import Malformed, Refused

    try:
        return max(after + 1, trust.read_report(part[-1]).sequence)
    except (Malformed, Refused):
        return after + len(part)


def _screen(output: Output, checked: Checked) -> list[str]:
    lines = [
        output.sign(f"✗ {entry.kind}") + f": {printable.one_line(entry.problem)}"
        for entry in checked.entries
        if entry.problem
    ]
    for host, trail in checked.trails.items():
        lines += [output.sign(f"✗ {host}") + f": {printable.one_line(problem)}" for problem in trail.problems]
    good = sum(not entry.problem for entry in checked.entries)
    sign = output.sign("✓ ") if checked.whole else ""
    told = f"{sign}{good} of {len(checked.entries)} decisions are signed by operators of the estate"
    count = sum(trail.count for trail in checked.trails.values())
    if checked.trails:
        hosts = len(checked.trails)
        told += f"; {count} reports of {hosts} host{'' if hosts == 1 else 's'} were looked at"
    return [*lines, told]


def _data(checked: Checked) -> dict[str, Data]:
    return {
        "whole": checked.whole,
        "decisions": len(checked.entries),
        "problems": [{"kind": entry.kind, "problem": entry.problem} for entry in checked.entries if entry.problem],
        "hosts": [
            {
                "host": host,
                "reports": trail.count,
                "first": trail.first,
                "last": trail.last,
                "problems": list(trail.problems),
            }
            for host, trail in checked.trails.items()
        ],
    }
