"""The file with the secret of a host's connection, for processes that must stay small.

One line of 64 hexadecimal digits, mode 0640. Whoever has it can take the host's place on the line and nothing more:
it signs no report and opens no secret.
"""

from __future__ import annotations

import os
from pathlib import Path

from orch.common.errors import SettingsError, StoreError
from orch.minion.adapters import files
from orch.minion.adapters.disk import REAL, Disk, Owner

_LINE = 65
_ANEW = "enrol this host anew: orch-minion enrol FILE --name site/host --break-enrolment"


def read_curve(path: Path, *, disk: Disk = REAL) -> bytes:
    """The secret, 32 bytes.

    Raises:
        SettingsError: missing, cut, or not for this user to read.
    """
    try:
        data = files.read(path, limit=_LINE, disk=disk)
    except StoreError as err:
        folder = path.parent
        open_it = f"as root: chgrp {os.getgid()} {folder} {path}; chmod 750 {folder}; chmod 640 {path}"
        raise SettingsError(err.text, hint=_ANEW if os.access(path, os.R_OK) else open_it) from err
    try:
        secret = bytes.fromhex((data or b"").decode("ascii"))
    except ValueError as err:
        raise SettingsError(f"the key {path} is damaged", hint=_ANEW) from err
    if len(secret) != 32:
        raise SettingsError(f"the key {path} is missing or damaged", hint=_ANEW)
    return secret


def write_curve(path: Path, secret: bytes, *, owner: Owner | None, disk: Disk = REAL) -> None:
    """Keep the secret.

    Raises:
        StoreError: the disk refuses.
    """
    files.write(path, secret.hex().encode() + b"\n", mode=0o640, owner=owner, disk=disk)
