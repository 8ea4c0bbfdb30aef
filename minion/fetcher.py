"""The fetcher: gets what the host lacks into a spool that nobody believes. Own user, network, no authority.

It becomes the real rsync, with orch's own transport (pipe.py) as its remote shell. The executor starts it, gives it a
time limit, and afterwards copies out of the spool what has the right hash.

Refuses to do: judge, retry or stay: it exits when it is done.

Called by `orch-minion fetch`, which has been given its user by the executor.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, Protocol

from orch.common import codec, transfer
from orch.common.errors import SettingsError, StoreError
from orch.minion.want import LIMIT, VARIABLE, Want

RSYNC: Final = "/usr/bin/rsync"


class Becoming(Protocol):
    """Replaces this process by another program."""

    def __call__(self, path: str, arguments: list[str], environment: dict[str, str], /) -> None:
        """Never comes back, or raises OSError."""


def arguments(words: Sequence[str], tree: Path, *, lists_only: bool = False) -> list[str]:
    """The arguments for rsync. Its `-e` is split at blanks, so a path with one cannot be used.

    Raises:
        SettingsError: this software lies in a folder with a blank or a quote in its name.
    """
    shell = (*words, "pipe")
    if any(set(word) & set(" \t\"'\\") for word in shell):
        raise SettingsError(f"rsync cannot start {' '.join(shell)}: there is a blank or a quote in it")
    options = (*transfer.CLIENT_OPTIONS, *(transfer.LISTS_ONLY if lists_only else ()))
    return [RSYNC, *options, "-e", " ".join(shell), transfer.REMOTE, f"{tree}/"]


def fetch(
    want_bytes: bytes, words: Sequence[str], environment: Mapping[str, str], become: Becoming = os.execve
) -> None:
    """Become the rsync that fetches.

    Args:
        want_bytes: an encoded Want, from the executor.
        words: how this software is called.
        environment: of this process.
        become: `os.execve`.

    Raises:
        Malformed: not a Want.
        SettingsError: rsync is not there.
        StoreError: the spool cannot be used.
    """
    want = codec.decode(Want, want_bytes, limit=LIMIT)
    tree = Path(want.spool) / transfer.TREE
    try:
        tree.mkdir(mode=0o755, exist_ok=True)
    except OSError as err:
        raise StoreError(f"the spool {want.spool} cannot be used: {err.strerror}") from err
    kept = {name: environment[name] for name in ("PATH", "PYTHONPATH", "LC_ALL", "LANG") if name in environment}
    try:
        become(RSYNC, arguments(words, tree, lists_only=want.lists_only), {**kept, VARIABLE: want.as_text()})
    except OSError as err:
        raise SettingsError(f"cannot start {RSYNC}: {err.strerror}", hint="apt install rsync") from err
