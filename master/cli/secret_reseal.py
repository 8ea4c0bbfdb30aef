"""`orch secret reseal`: somebody who can read secrets gives a copy to everybody who may and cannot yet."""

from __future__ import annotations

from pathlib import Path

import click

from orch.common.crypto import SigningKey
from orch.common.errors import NotAllowed
from orch.master.cli import completing, passphrase, readers, rootkeys, sealing, secret_desk
from orch.master.cli.context import desk_of
from orch.master.cli.exits import Exit
from orch.master.cli.group import OrchCommand
from orch.master.cli.output import Output
from orch.master.cli.passphrase import Passphrase
from orch.master.cli.secret_desk import Secrets
from orch.master.estate.sealed_file import SealedSecret


@click.command(cls=OrchCommand)
@click.argument("name", nargs=-1, type=completing.SECRET)
@click.option(
    "--root",
    multiple=True,
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Open with the root key or recovery key of this file, in place of your signing key.",
)
@passphrase.OPTION
@click.pass_context
def reseal(context: click.Context, /, name: tuple[str, ...], *, root: tuple[Path, ...], **given: Path | None) -> None:
    """Give a copy of the secrets NAME (all, where none is named) to everybody who may read them and cannot yet.

    For a new operator, a new grant, a new root key, or after a recovery (--root RECOVERY-KEY); hosts that use a secret
    and lack a copy get one, too. Values stay as they are. Somebody who can read them has to do it.
    """
    desk = desk_of(context)
    found = secret_desk.begin(desk)
    wanted = [found.one(one) for one in dict.fromkeys(name)] or list(found.estate.secrets.values())
    lacking = [secret for secret in wanted if lacks(found, secret)]
    if not lacking:
        desk.output.note("everybody who may read them can: nothing was done")
        return
    unlock = Passphrase(file=given["passphrase_file"], interactive=desk.surroundings.interactive())
    if root:
        keys = rootkeys.at_hand(desk.keyring, root, estate=found.estate.name, unlock=unlock)
    else:
        keys = [desk.keyring.signing(unlock)]
    left = [secret for secret in lacking if not _one(found, secret, keys, desk.output)]
    if len(left) < len(lacking):
        desk.output.next("git add secrets")
    if left:
        context.exit(Exit.REFUSED)


def lacks(found: Secrets, secret: SealedSecret) -> bool:
    """Whether somebody lacks a copy."""
    item = found.standing(secret.name)
    return bool(item.lacking or item.unsealed) or item.roots < len(readers.root_keys(found.known.policy))


def hand_over(found: Secrets, key: SigningKey) -> int:
    """Give everybody who may read it a copy of each secret that this key opens; says how many were written anew."""
    able = [item for item in found.estate.secrets.values() if lacks(found, item) and sealing.opens(item, key.public)]
    for secret in able:
        _complete(found, secret, key)
    return len(able)


def _one(found: Secrets, secret: SealedSecret, keys: list[SigningKey], output: Output) -> bool:
    key = next((key for key in keys if sealing.opens(secret, key.public)), None)
    if key is None:
        err: NotAllowed = sealing.cannot_read(secret)
        output.warn(err.text)
        output.hint(err.hint)
        return False
    before = found.standing(secret.name)
    after = _complete(found, secret, key)
    told = [*before.lacking, *(f"{use.place} {use.path}" for use in before.unsealed)]
    told += ["the root keys"] if len(after.readers) - len(secret.readers) > len(before.lacking) else []
    output.lines([output.sign(f"✓ {secret.name}") + f" is sealed to {', '.join(told) or 'every root key'}, too"])
    return True


def _complete(found: Secrets, secret: SealedSecret, key: SigningKey) -> SealedSecret:
    seed, chance = sealing.seed_of(secret, key), found.desk.surroundings.chance
    made = sealing.complete(secret, found.uses(secret.name), found.known, seed=seed, chance=chance)
    sealing.write(found.desk, made)
    return made
