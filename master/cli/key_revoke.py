"""`orch key revoke`: end the key of a host, or of an operator."""

from __future__ import annotations

from pathlib import Path

import click

from orch.common import authoring
from orch.common.errors import NotAllowed, UsageError
from orch.common.identity import Revocation
from orch.common.operations import Signed
from orch.common.rows import Nothing
from orch.master.cli import amendments, catchup, completing, knocking, passphrase, proposing, secret_desk
from orch.master.cli.asking import confirm
from orch.master.cli.changing import How
from orch.master.cli.context import Desk, desk_of
from orch.master.cli.group import OrchCommand, did_you_mean
from orch.master.cli.line import Centre
from orch.master.cli.passphrase import Passphrase

OPERATOR = "operator:"


@click.command(cls=OrchCommand)
@click.argument("who", type=completing.HOST)
@click.option("--reason", default="", help="Why, for those who read it later.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@passphrase.OPTION
@click.pass_context
def revoke(context: click.Context, /, who: str, *, reason: str, yes: bool, passphrase_file: Path | None) -> None:
    """End the key of the host WHO (site/host), or of the operator operator:NAME.

    A host whose key is revoked is cut off at once and keeps running what it has. An operator whose key is revoked
    can neither connect nor sign; that takes a new policy, as `orch policy operator remove` makes it.
    """
    desk = desk_of(context)
    unlock = Passphrase(file=passphrase_file, interactive=desk.surroundings.interactive())
    if who.startswith(OPERATOR):
        _operator(desk, who.removeprefix(OPERATOR), yes=yes, unlock=unlock)
        return
    with desk.line() as centre:
        _host(desk, centre, who, reason=reason, asked=(yes, unlock))


def _host(desk: Desk, centre: Centre, who: str, *, reason: str, asked: tuple[bool, Passphrase]) -> None:
    yes, unlock = asked
    known = catchup.bring_up(centre, desk.folder, desk.verified(), output=desk.output)
    kept = desk.folder.admissions()
    item = kept.get(who)
    if item is None:
        knocks = [knocking.read(row, estate=known.policy.estate) for row in known.keys.values()]
        knocking.refuse_state(who, knocks, verb="revoke")
        near = did_you_mean(who, kept)
        raise UsageError(f"no host {who!r} is admitted{near}", hint="see them all: orch key list")
    confirm(f"End the key of {who}? It is cut off until it is enrolled anew.", yes=yes, surroundings=desk.surroundings)
    key = desk.keyring.signing(unlock)
    revocation = Revocation(
        estate=item.admission.estate,
        host=who,
        curve=item.admission.curve,
        issued=desk.surroundings.clock.wall(),
        reason=reason,
    )
    envelope = authoring.sign_revocation(revocation, keys=(key,))
    centre.ask("key.revoke", Signed(envelope), Nothing)
    desk.folder.put_revocation(who, item.admission.curve, envelope=envelope)
    desk.output.lines([desk.output.sign(f"✓ {who}") + ": its key is ended; commit hosts/ to git"])
    secret_desk.warn(desk)
    desk.output.next("orch status")


def _operator(desk: Desk, name: str, *, yes: bool, unlock: Passphrase) -> None:
    if desk.me(desk.verified()).name == name:
        raise NotAllowed("this is your own key", hint="if it was stolen: orch init --recover RECOVERY_KEY_FILE")
    how = How(unlock=unlock, yes=yes)
    proposing.amend(desk, how, lambda policy: amendments.without_operator(policy, name, scopes=proposing.scopes(desk)))
    secret_desk.warn(desk)
