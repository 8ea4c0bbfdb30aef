"""`orch events`: what happened at the hosts, a line each; with -f what happens, as it happens."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import click

from orch.common import printable, trust
from orch.common.clock import rfc3339
from orch.common.errors import Malformed, OrchError, Refused, Unreachable
from orch.common.operations import Detail, HostAsked
from orch.common.report import Report
from orch.common.rows import Row
from orch.master.cli import completing, selection, watching
from orch.master.cli import fleet as fleets
from orch.master.cli.condition import Condition, condition, note, number
from orch.master.cli.context import Desk, desk_of
from orch.master.cli.fleet import Fleet
from orch.master.cli.group import ReadingCommand
from orch.master.cli.line import Centre
from orch.master.cli.output import Data, Output

_SIGNS = {"applied": "✓", "failed": "✗", "refused": "✗", "waiting": "=", "superseded": "=", "silent": "?", "back": "✓"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """One thing at one host."""

    time: int  # the host's clock for what it reported, the centre's for the rest
    host: str
    what: str
    text: str = ""
    signed: bool | None = None  # whether the host's own key says so; None: the centre says it

    def line(self, output: Output) -> str:
        """For people."""
        doubt = "  ! not signed by the host's key" if self.signed is False else ""
        what = output.sign(f"{_SIGNS.get(self.what, '↻')} {self.what}")
        text = printable.one_line(self.text)
        return "  ".join(part for part in (rfc3339(self.time), self.host, what, text) if part) + output.sign(doubt)

    def data(self) -> dict[str, Data]:
        """For scripts."""
        return {
            "time": rfc3339(self.time),
            "host": self.host,
            "what": self.what,
            "text": self.text or None,
            "signed": self.signed,
        }


@click.command(cls=ReadingCommand)
@click.argument("target", required=False, type=completing.TARGET)
@click.option("--follow", "-f", is_flag=True, help="Stay, and show what happens as it happens; Ctrl-C ends it.")
@click.option(
    "--most", type=click.IntRange(1, 10_000), default=50, show_default=True, help="How many, of those before."
)
@click.pass_context
def events(context: click.Context, target: str | None, *, follow: bool, most: int) -> None:
    """What happened at the hosts that TARGET means (all, where nothing is said), the newest last.

    From the hosts' newest reports at the centre, each checked against the host's own key. With -f also what the centre
    sees: hosts that go silent and come back, and how far they are. --output json prints a line for each.
    """
    desk = desk_of(context)
    with desk.line() as centre:
        known = fleets.fetch(centre, desk.surroundings.clock)
        rows = known.ordered(fleets.chosen(target, known.rows.values(), partial(_resolve, desk, known)))
        past = sorted((item for row in rows for item in _past(desk, centre, row)), key=lambda item: item.time)
    for item in past[-most:]:
        _say(desk.output, item)
    if follow:
        desk.output.note(watching.LIVE)
        _follow(desk, target, known)
    else:
        if not past:
            desk.output.note("nothing was reported yet")
        desk.output.next("orch events -f")


def _resolve(desk: Desk, known: Fleet, word: str) -> frozenset[str]:
    return selection.hosts(desk, word, known)


def _say(output: Output, item: Happened) -> None:
    if output.structured:
        output.data("orch/event/1", item.data(), one_of_many=True)
    else:
        output.lines([item.line(output)])


def _past(desk: Desk, centre: Centre, row: Row) -> Iterator[Happened]:
    try:
        envelopes = centre.ask("host.explain", HostAsked(row.host), Detail).reports
    except Unreachable:
        raise
    except OrchError:
        return
    kept = desk.folder.admissions().get(row.host)
    for envelope in envelopes:
        try:
            report = trust.read_report(envelope)
        except (Malformed, Refused):
            continue  # a host that sends nonsense is shown by `orch explain`
        signed = False
        if kept is not None:
            try:
                trust.judge_report(kept.admission, envelope)
                signed = True
            except (Malformed, Refused):
                signed = False
        yield _reported(row.host, report, signed=signed)


def _reported(host: str, report: Report, *, signed: bool) -> Happened:
    about = f"{report.epoch}:{report.number} ({report.trigger.value})" if report.number else report.trigger.value
    count = sum(len(step.changes) for step in report.steps)
    changes = f"{count} change{'' if count == 1 else 's'}" if count else ""
    drift = "somebody had changed the host" if report.drift else ""
    listens = "listens: " + ", ".join(report.listeners) if report.listeners else ""
    why = report.reason.text.partition("\n")[0] if report.reason else ""
    text = ", ".join(part for part in (about, changes, drift, listens, why) if part)
    return Happened(time=report.time, host=host, what=report.outcome.value, text=text, signed=signed)


def _follow(desk: Desk, target: str | None, known: Fleet) -> None:
    rows, wanted = dict(known.rows), fleets.chosen(target, known.rows.values(), partial(_resolve, desk, known))
    for found in watching.views(desk):
        if isinstance(found, watching.Silent):
            desk.output.note(desk.output.sign(f"? {found}"))
            continue
        for row in found.view.rows if found.view else ():
            before, rows[row.host] = rows.get(row.host), row
            if wanted(row) and found.view is not None:
                for item in _changed(before, row, now=found.view.time):
                    _say(desk.output, item)


def _changed(before: Row | None, row: Row, *, now: int) -> Iterator[Happened]:
    """What is different in a row, as things that happened."""
    if before is None:
        yield Happened(time=now, host=row.host, what="admitted")
        return
    if row.revoked and not before.revoked:
        yield Happened(time=now, host=row.host, what="revoked", text=note(row))
        return
    if row.connected != before.connected:
        yield Happened(time=now, host=row.host, what="back" if row.connected else "silent")
    if row.wanted != before.wanted:
        yield Happened(time=now, host=row.host, what="released", text=number(row.wanted))
    if row.progress and row.progress != before.progress:
        yield Happened(time=now, host=row.host, what="working", text=row.progress)
    if row.sequence != before.sequence and row.outcome:
        text = ", ".join(part for part in (number(row.running), _changes(row), note(row)) if part)
        yield Happened(time=row.reported or now, host=row.host, what=row.outcome, text=text)
    elif condition(row) is Condition.AHEAD and not before.ahead:
        yield Happened(time=now, host=row.host, what="ahead", text=note(row))


def _changes(row: Row) -> str:
    return f"{row.changes} change{'' if row.changes == 1 else 's'}" if row.changes else ""
