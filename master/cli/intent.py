"""What `orch init` was asked for, checked before anything is made."""

from __future__ import annotations

import getpass
import re
from dataclasses import dataclass
from pathlib import Path

from orch.common import names
from orch.common.errors import UsageError
from orch.master.cli.passphrase import Passphrase

_ADDRESS = re.compile(r"tcp://([A-Za-z0-9.-]+|\[[0-9a-fA-F:.]+\]):([0-9]{1,5})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the command line said."""

    name: str | None
    addresses: tuple[str, ...]
    directory: Path | None
    operator: str | None
    centre: Path | None
    passphrase: Passphrase


def checked(addresses: tuple[str, ...]) -> tuple[str, ...]:
    """The addresses, if hosts can dial them.

    Raises:
        UsageError: one is no address.
    """
    for address in addresses:
        found = _ADDRESS.fullmatch(address)
        if found is None or not 0 < int(found[2]) < 65536:
            raise UsageError(f"{address!r} is not an address", hint="write it such as tcp://orch.example.org:4505")
    return addresses


def operator_name(given: str | None) -> str:
    """The operator's name: the one given, or the user's name made fit.

    Raises:
        UsageError: what was given is no name.
    """
    if given is not None:
        if not names.is_name(given):
            raise UsageError(f"{given!r} cannot be an operator's name", hint="use a-z, 0-9, dot, dash, underscore")
        return given
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = ""
    fit = re.sub(r"[^a-z0-9._-]+", "-", user.lower()).strip("-._")[:63]
    return fit if names.is_name(fit) else "operator"
