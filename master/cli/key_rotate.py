"""`orch key rotate`: an operator's own login and signing keys are replaced, and nothing stops meanwhile.

The new keys lie in `next/` of the keyring until a policy names them; then they take the old ones' place. So it can be
left at any point and taken up again: the same command looks how far it is.
"""

from __future__ import annotations

import shutil
from dataclasses import replace

import click

from orch.common import keyfile
from orch.common.errors import OrchError
from orch.common.keyfile import OperatorPart
from orch.common.policy import Policy
from orch.master.cli import amendments, catchup, files, founding, proposing, secret_desk, secret_reseal, writing
from orch.master.cli.changing import AmendingCommand, How, how_of
from orch.master.cli.context import Desk, desk_of
from orch.master.cli.keyring import Keyring
from orch.master.cli.writing import Lock, Staging

NEXT, PART = "next", "public"


@click.command(cls=AmendingCommand)
@click.pass_context
def rotate(context: click.Context) -> None:
    """Replace your own login key and signing key by new ones, under the same passphrase.

    It takes a policy, signed by root keys. If others have to sign it, say the command again once it is published.
    What you admitted and revoked is signed anew with the new key. A key that was stolen is another matter: somebody
    else ends it (orch key revoke operator:NAME), or you recover (orch init --recover).
    """
    desk, how = desk_of(context), how_of(context)
    fresh = Keyring(desk.keyring.folder / NEXT)
    if fresh.there:
        _catch_up(desk, fresh)
    else:
        desk.me(desk.verified())
        _make(desk, fresh, how)
    part = keyfile.read_operator(files.read(fresh.folder / PART, limit=keyfile.MAX_FILE).decode("utf-8", "replace"))
    if not _named(desk.verified(), part):
        proposing.amend(desk, replace(how, renews=False), lambda policy: _edited(policy, part))
    if not _named(desk.verified(), part):
        desk.output.note("once it is published, say this again: orch key rotate; until then your keys are the old ones")
        return
    _hand_over(desk, how)
    _take_over(desk, fresh)
    with desk.line() as centre:
        proposing.renew(desk, centre, desk.verified(), how)
    desk.output.lines([desk.output.sign("✓ your keys are new") + "; the old ones count no more"])
    desk.output.note(f"back up {desk.keyring.folder}")
    desk.output.next("orch apply --again")


def _make(desk: Desk, fresh: Keyring, how: How) -> None:
    login = desk.login()
    desk.keyring.signing(how.unlock)  # the passphrase of the old keys is that of the new ones: no typing error gets in
    own = founding.own_keys(login.estate, login.operator)
    lock = Lock(how.unlock.get("new keys"), desk.surroundings.key_cost)
    staging = Staging()
    try:
        folder = staging.place(fresh.folder, above=0o700)
        writing.keys(own, lock, pin=desk.keyring.pin(), folder=folder)
        files.write(folder / PART, keyfile.write(own.part))
        staging.finish()
    finally:
        staging.discard()


def _catch_up(desk: Desk, fresh: Keyring) -> None:
    """Fetch the policy that others published meanwhile, which ended the old login key."""
    later = replace(desk, keyring=fresh)
    try:
        with later.line() as centre:
            catchup.bring_up(centre, desk.folder, later.verified(), output=desk.output)
    except OrchError:
        return  # no policy names the new keys yet, or the centre is away: the files say how far it is


def _named(policy: Policy, part: OperatorPart) -> bool:
    return any(person.signing == part.signing and person.login == part.login for person in policy.operators)


def _edited(policy: Policy, part: OperatorPart) -> Policy:
    person = amendments.named(policy, part.operator)
    return amendments.with_person(policy, founding.operator_of(part, person.grants, not_after=person.not_after))


def _hand_over(desk: Desk, how: How) -> None:
    """Secrets that the old signing key opens are sealed to the new one, while the old one is still here."""
    found = secret_desk.begin(desk)
    if not any(secret_reseal.lacks(found, secret) for secret in found.estate.secrets.values()):
        return
    count = secret_reseal.hand_over(found, desk.keyring.signing(how.unlock))
    if count:
        desk.output.note(f"{count} secret{'' if count == 1 else 's'} sealed to your new key; commit secrets/ to git")


def _take_over(desk: Desk, fresh: Keyring) -> None:
    # login.key last: as long as it is in next/, this is done again.
    for name in ("signing.key", "login.key"):
        if (fresh.folder / name).exists():
            (fresh.folder / name).replace(desk.keyring.folder / name)
    shutil.rmtree(fresh.folder)
