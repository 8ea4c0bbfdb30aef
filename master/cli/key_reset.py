"""`orch key reset`: let a host that has lost its record of what it had accepted begin again at the newest release.

What such a host accepts next is decided here and nowhere else, so nothing is believed that the centre says by itself:
the question and what the host ran come from reports that the host signed, the newest release from its authors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from orch.common import authoring, trust
from orch.common.crypto import SigningKey
from orch.common.errors import NotAllowed, RolledBack, UsageError
from orch.common.identity import Admission, Reset
from orch.common.operations import Detail, HostAsked, Signed
from orch.common.phrase import check_words
from orch.common.policy import Policy
from orch.common.release import Release
from orch.common.report import Report
from orch.common.rows import Nothing
from orch.master.cli import catchup, completing, fleet, passphrase, rootkeys
from orch.master.cli.asking import confirm
from orch.master.cli.condition import Now, number
from orch.master.cli.context import Desk, desk_of
from orch.master.cli.group import OrchCommand
from orch.master.cli.line import Centre
from orch.master.cli.passphrase import Passphrase


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """What is known of the host, every signature checked."""

    me: Admission
    newest: Report  # of its reports
    ran: Report | None  # the newest about a release that it held
    release: Release | None  # the newest that names it
    time: int  # the centre's, for telling how long ago something was

    @property
    def back(self) -> tuple[int, int]:
        """Below what it shall take nothing; 0 where it is to have nothing yet."""
        return (self.release.epoch, self.release.number) if self.release else (0, 0)


@click.command(cls=OrchCommand)
@click.argument("host", type=completing.HOST)
@click.option("--yes", "-y", is_flag=True, help="Do not ask. Nobody has compared anything then.")
@rootkeys.OPTION
@passphrase.OPTION
@click.pass_context
def reset(
    context: click.Context, /, host: str, *, yes: bool, root: tuple[Path, ...], passphrase_file: Path | None
) -> None:
    """Let HOST take releases again after it has lost its record of what it had accepted.

    Such a host goes on being what it is and refuses every release. Compare what it says it ran with what you know;
    after the reset it takes the newest release, or a later one, and nothing older. Signed with root keys and your
    signing key, for this one loss of this one host.
    """
    desk = desk_of(context)
    with desk.line() as centre:
        known = catchup.bring_up(centre, desk.folder, desk.verified(), output=desk.output)
        desk.me(known.policy)
        row = fleet.one(host, fleet.fetch(centre, desk.surroundings.clock).rows.values())
        case = _case(desk, known.policy, centre.ask("host.explain", HostAsked(row.host), Detail))
        _tell(desk, case)
        confirm("Is that what you expect of it? Reset it?", yes=yes, surroundings=desk.surroundings)
        unlock = Passphrase(file=passphrase_file, interactive=desk.surroundings.interactive())
        roots = rootkeys.at_hand(desk.keyring, root, estate=known.policy.estate, unlock=unlock)
        _give(desk, centre, case, policy=known.policy, keys=(*roots, desk.keyring.signing(unlock)))
    desk.output.lines([desk.output.sign(f"✓ {row.host}") + f": reset to {_name(case)}"])
    if not row.connected:
        desk.output.note("it is offline: the centre keeps the reset until it comes, but not beyond its own restart")
    desk.output.next(f"orch explain {row.host} --watch")


def _case(desk: Desk, policy: Policy, detail: Detail) -> _Case:
    me = _admission(desk, policy, detail)
    reports = sorted((trust.judge_report(me, item) for item in detail.reports), key=lambda report: -report.sequence)
    if not reports or not reports[0].question:
        hint = f"see how it is: orch explain {me.host}"
        raise UsageError(f"{me.host} does not say that it has lost anything: it needs no reset", hint=hint)
    held = [report for report in reports if report.refused != "release" and report.number]
    release = None
    if detail.release:
        release = trust.judge_author(policy, detail.release, now=desk.surroundings.clock.wall())
        if release.scope != me.scope:
            raise NotAllowed(f"the centre shows a release of {release.scope} for {me.host}, which is in {me.scope}")
    case = _Case(me=me, newest=reports[0], ran=held[0] if held else None, release=release, time=detail.time)
    highest = max(((report.epoch, report.number) for report in held), default=(0, 0))
    if case.back < highest:
        # Else a centre that hides the newest release could have a host taken back behind what it had accepted.
        raise RolledBack(
            f"{me.host} has run release {number(highest)}, and the newest for it at the centre is {number(case.back)}",
            hint=f"was the centre put back from a backup? publish first: orch apply --again {me.host}",
        )
    return case


def _admission(desk: Desk, policy: Policy, detail: Detail) -> Admission:
    kept = desk.folder.admissions().get(detail.row.host)
    if kept is None or kept.admission.curve != detail.row.curve:
        raise NotAllowed(
            f"the files hold no admission of {detail.row.host} with the key that it has at the centre",
            hint="take the newest files out of git; see: orch key list",
        )
    # Not by this machine's clock, as in catchup.py: the signer's time in office is the host's to judge.
    return trust.take_admission(policy, kept.envelope, mine=None, current=None, now=0)


def _tell(desk: Desk, case: _Case) -> None:
    note, now = desk.output.note, Now(case.time)
    note(f"{case.me.host} has lost its record of what it had accepted, and refuses every release")
    note(f"  asks with   {check_words(case.newest.question)}  (so says orch-minion explain there)")
    if case.ran is None:
        note("  ran last    nothing, as far as its reports go back")
    else:
        ran = case.ran
        note(
            f"  ran last    release {number((ran.epoch, ran.number))} {ran.release[:6].hex()}, {now.ago(ran.time)} ago"
        )
    if case.release is None:
        note("  is to have  nothing: no release names it yet")
    else:
        made = case.release
        said = f', "{made.note}"' if made.note else ""
        note(f"  is to have  release {_name(case)} of {made.scope}, signed {now.ago(made.created)} ago{said}")


def _give(desk: Desk, centre: Centre, case: _Case, *, policy: Policy, keys: Sequence[SigningKey]) -> None:
    made = Reset(
        estate=case.me.estate,
        curve=case.me.curve,
        nonce=case.newest.question,
        epoch=policy.epoch(case.me.scope),
        number=case.back[1],
        issued=desk.surroundings.clock.wall(),
    )
    centre.ask("key.reset", Signed(authoring.sign_reset(made, keys=keys)), Nothing)


def _name(case: _Case) -> str:
    return number(case.back) if case.release else "its first release"
