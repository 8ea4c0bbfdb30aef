"""`import` and `export-results`: what a person carries where the line does not reach."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from orch.minion.settings import Layout

if TYPE_CHECKING:
    from orch.minion.onsite import HostStatus


@click.command("import", short_help="Take what an operator wrote into a file, where the line does not reach.")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.pass_obj
def import_(layout: Layout, file: Path) -> None:
    """Take what an operator wrote into FILE for this host (orch doc export), as if it had come by the line (root).

    Everything is checked as on the line. What a file cannot prove is that nothing newer was signed since: until the
    centre proves that, the host installs and mends, and removes nothing.
    """
    from orch.common import errors, trust
    from orch.common.errors import OrchError, Refused, RolledBack
    from orch.minion import carrying
    from orch.minion.channel import Ask, SiteAsk
    from orch.minion.cli.looking import asked
    from orch.minion.onsite import HostStatus

    mine = trust.check_identity_request(_request(layout))
    found, head = carrying.look(file)
    carrying.check_mine(found, mine)
    carrying.lay(layout, file)
    try:
        status = asked(layout, SiteAsk(Ask.IMPORT, load=head), HostStatus)
    except Refused as err:
        carrying.clear(layout)
        old = "this file is older than what the host has; write a new one: orch doc export"
        hint = old if isinstance(err, RolledBack) else err.hint
        raise errors.named(err.code)(f"{file} is not taken: {err.text}", hint=hint) from err
    except OrchError:
        carrying.clear(layout)
        raise
    print(_told(status, release=bool(found.release)))


def _told(status: HostStatus, *, release: bool) -> str:
    if not release:
        words = f"{status.host} has policy {status.policy}; no release was signed for it when the file was written"
        return f"{words}\n\nnext: have one signed (orch apply), and bring a new file"
    if status.waiting:
        return f"release {status.waiting} is here and waits for its go\n\nnext: orch-minion status"
    words = f"release {status.number} (epoch {status.epoch}) is taken; the host begins with it now"
    if status.permission != "everything":
        words += "\nuntil the centre has proved that it is the newest, nothing is removed"
    return f"{words}\n\nnext: orch-minion status, then: orch-minion export-results FILE"


@click.command("export-results", short_help="Write what the centre does not have into a file.")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.pass_obj
def export_results(layout: Layout, file: Path) -> None:
    """Write the reports that the centre is not known to have into FILE, for an operator (orch import-results) (root).

    They stay here until the centre itself has acknowledged them by the line, so a lost file loses nothing, and each
    counts once however often it arrives. The file also holds what this host asks to be let in with (orch key accept
    --request FILE). Nothing in it is secret; it says what is installed here.
    """
    from orch.common import trust
    from orch.common.clock import SystemClock
    from orch.minion import carrying
    from orch.minion.channel import Ask, SiteAsk
    from orch.minion.cli.looking import asked
    from orch.minion.onsite import HostReports

    request = _request(layout)
    reports: list[bytes] = []
    after = 0
    while page := asked(layout, SiteAsk(Ask.REPORTS, after=after), HostReports).reports:
        reports += page
        after = trust.read_report(page[-1]).sequence
    carrying.write_results(file, request, reports, now=SystemClock().wall())
    upto = f", up to number {after}" if reports else ": the centre has them all, or there are none"
    print(f"{len(reports)} report{'' if len(reports) == 1 else 's'}{upto}; written to {file}")
    print("\nnext, at the operator's: orch import-results FILE")


def _request(layout: Layout) -> bytes:
    """What this host asks to be let in with: it says who it is.

    Raises:
        SettingsError: nobody, it is not enrolled.
        NotAllowed: this user may not do that.
    """
    from orch.common.errors import NotAllowed
    from orch.minion import enrol, settings
    from orch.minion.adapters import files

    if not files.is_root():
        raise NotAllowed("only root may do this", hint="use sudo")
    settings.load(layout)
    return enrol.request(layout)
