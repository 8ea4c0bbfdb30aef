"""The root keys that are at hand: the operator's own, and those in files that the command line named.

A file holds a sealed root key (`orch key root new`, or `root.key` of another keyring) or a recovery key, from whose
seed a root key follows. Which of them a policy knows is for the caller to say.

Called by the commands that sign policies.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from orch.common import keyfile
from orch.common.crypto import SigningKey
from orch.common.errors import NotAllowed
from orch.master.cli import files, founding, keyring
from orch.master.cli.keyring import Keyring
from orch.master.cli.passphrase import Passphrase

HELP = "Sign with the root key of this file, in place of your own; may be given several times."
OPTION = click.option(
    "--root",
    multiple=True,
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help=HELP,
)

_RECOVERY = "orch recovery key"


def at_hand(ring: Keyring, named: Sequence[Path], *, estate: str, unlock: Passphrase) -> list[SigningKey]:
    """The keys of the files that were named; where none was, the operator's own, if there is one.

    Raises:
        KeyFileError: a file is damaged or none, or the passphrase is wrong.
        NotAllowed: a recovery key of another estate.
    """
    if named:
        return [_read(path, estate=estate, unlock=unlock) for path in named]
    return [ring.root(unlock)] if ring.has_root else []


def _read(path: Path, *, estate: str, unlock: Passphrase) -> SigningKey:
    text = files.read(path, limit=keyfile.MAX_FILE).decode("utf-8", "replace")
    if _RECOVERY in text:
        found = keyfile.read_recovery(text)
        if found.estate != estate:
            raise NotAllowed(f"{path} is a recovery key of the estate {found.estate}, not of {estate}")
        return founding.recovery_root(found)
    return keyring.opened(text, path, what=f"root key {path}", passphrase=unlock)
