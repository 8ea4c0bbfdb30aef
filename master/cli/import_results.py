"""`orch import-results`: reports that somebody carried here, handed over to the centre."""

from __future__ import annotations

from pathlib import Path

import click

from orch.common.errors import UsageError
from orch.common.operations import Carried, Received
from orch.master.cli import sticks
from orch.master.cli.context import desk_of
from orch.master.cli.group import OrchCommand
from orch.master.cli.line import Centre


@click.command("import-results", cls=OrchCommand)
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path, dir_okay=False))
@click.pass_context
def import_results(context: click.Context, files: tuple[Path, ...]) -> None:
    """Hand over to the centre what hosts reported into each FILE (orch-minion export-results).

    The centre believes the host's signature on each report, and takes each once, whoever brings it and however often:
    when the host's line is back it sends them again, and they are recognised.
    """
    desk = desk_of(context)
    estate = desk.folder.newest_policy().estate
    found = {path: sticks.read_results(path) for path in files}
    for path, (head, _reports) in found.items():
        if head.estate != estate:
            raise UsageError(f"{path} is of the estate {head.estate}; this is {estate}")
    with desk.line() as centre:
        for head, reports in found.values():
            if not reports:
                desk.output.lines([f"{head.host}: no report is in its file"])
                continue
            new, upto = _hand_over(centre, host=head.host, curve=head.curve, reports=reports)
            had = len(reports) - new
            also = f", {had} {'was' if had == 1 else 'were'} there already" if had else ""
            desk.output.lines([f"{head.host}: {new} new{also}; the centre has all up to number {upto}"])
    desk.output.next("orch status")


def _hand_over(centre: Centre, *, host: str, curve: bytes, reports: tuple[bytes, ...]) -> tuple[int, int]:
    new, upto = 0, 0
    for page in sticks.pages(reports):
        got = centre.ask("report.put", Carried(host=host, curve=curve, reports=page), Received)
        new, upto = new + got.new, got.upto
    return new, upto
