"""The centre's directory: what must be in it before a centre can start, and what is wrong with it.

    master.toml         settings; may be missing
    centre.key          the centre's keys, mode 0600 (keyfile.py)
    policy/0001.policy  the estate's signed policies; needed at the first start, later the store has them too
    store.db  blobs/  views/  lock      made by the centre
    backup-*            while orch-master backup runs (backup.py); may be removed when it does not

Invariants:
- one centre runs on a directory: the lock is held for its life;
- `check` says everything that is wrong, not only the first thing; it changes nothing.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from orch.common import codec, keyfile, policy, settings, trust
from orch.common.crypto import SigningKey, sha256
from orch.common.envelope import open_envelope
from orch.common.errors import KeyFileError, OrchError, SettingsError
from orch.common.keyfile import CentreKey
from orch.common.policy import Policy
from orch.common.wire import public_of
from orch.master.settings import Settings
from orch.master.store_schema import open_database

T = TypeVar("T")
NO_KEY = "orch init makes it; on a new centre after a loss: orch init --recover KEYFILE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Directory:
    """A directory in which a centre may start."""

    path: Path
    settings: Settings
    key: CentreKey
    policies: tuple[bytes, ...]  # envelopes, by version
    lock: int

    def close(self) -> None:
        """Let another process have it."""
        os.close(self.lock)


def open_directory(path: Path) -> Directory:
    """Read it, and lock it for this process.

    Raises:
        OrchError: the first thing that is wrong.
    """
    _must_be_folder(path)
    read = settings.read(Settings, path / "master.toml")
    _check_rsync(read)
    key = read_key(path)
    return Directory(path=path, settings=read, key=key, policies=_policies(path), lock=_lock(path))


def check(path: Path) -> list[OrchError]:
    """Everything that is wrong with a directory."""
    try:
        _must_be_folder(path)
    except OrchError as err:
        return [err]
    found: list[OrchError] = []
    read = _tried(found, lambda: settings.read(Settings, path / "master.toml"))
    if read is not None:
        _tried(found, lambda: _check_rsync(read))
    key = _tried(found, lambda: read_key(path))
    envelopes = _tried(found, lambda: _policies(path))
    if envelopes:
        chain = _tried(found, lambda: chain_of(envelopes))
        if chain and key:
            found.extend(misfits(chain[-1][1], key))
    elif envelopes is not None and not (path / "store.db").exists():
        found.append(SettingsError(f"{path}/policy: no policy is here", hint="copy the estate's folder policy/ to it"))
    if (path / "store.db").exists():
        _tried(found, lambda: open_database(path / "store.db").dispose())
    return found


def chain_of(envelopes: Sequence[bytes], before: Policy | None = None) -> list[tuple[bytes, Policy]]:
    """The policies that come into force one after the other; what is older than `before` is passed over.

    The first of all is believed as it lies there: whoever set up this machine put it there, and a centre that believes
    a wrong one is believed by no host.

    Raises:
        Refused: one does not follow the one before.
        SettingsError: one is not the policy that is in force here.
    """
    found: list[tuple[bytes, Policy]] = []
    for envelope in envelopes:
        body = open_envelope(envelope, type=policy.TYPE, limit=policy.LIMIT).body
        if before is None:
            made = trust.take_policy(None, envelope, pinned=sha256(body))
        elif codec.decode(Policy, body, limit=policy.LIMIT).version < before.version:
            continue  # not verified: what is older than what is in force is passed over, whatever it is
        else:
            made = trust.take_policy(before, envelope)
        if made is not before:
            found.append((envelope, made))
        before = made
    return found


def misfits(current: Policy, key: CentreKey) -> Iterator[OrchError]:
    """What of the centre's keys the policy does not name: hosts would not believe this centre."""
    hint = "the key must be the one that orch init (or orch init --recover) made for this estate"
    if key.estate != current.estate:
        yield SettingsError(f"centre.key is of the estate {key.estate}, the policy of {current.estate}", hint=hint)
    if public_of(key.curve) not in current.centre.curve:
        yield SettingsError("the policy in force does not name this centre's connection key", hint=hint)
    if SigningKey.from_seed(key.fresh).public not in current.centre.fresh:
        yield SettingsError("the policy in force does not name this centre's freshness key", hint=hint)


def _tried(found: list[OrchError], job: Callable[[], T]) -> T | None:
    try:
        return job()
    except OrchError as err:
        found.append(err)
        return None


def _must_be_folder(path: Path) -> None:
    if not path.is_dir():
        raise SettingsError(f"{path} is not a directory", hint="orch init makes a centre's directory beside the estate")
    if not os.access(path, os.W_OK | os.X_OK):
        raise SettingsError(f"{path} cannot be written by this user")


def _check_rsync(read: Settings) -> None:
    if not os.access(read.rsync, os.X_OK):
        raise SettingsError(f"master.toml: rsync: {read.rsync} cannot be run", hint="apt-get install rsync")


def read_key(path: Path) -> CentreKey:
    """The centre's keys.

    Raises:
        KeyFileError: missing, readable by others, or damaged.
    """
    file = path / "centre.key"
    try:
        mode = file.stat().st_mode
        text = file.read_text("utf-8")
    except FileNotFoundError as err:
        raise KeyFileError(f"{file} is missing", hint=NO_KEY) from err
    except (OSError, UnicodeDecodeError) as err:
        raise KeyFileError(f"{file} cannot be read: {err}") from err
    if mode & 0o077:
        raise KeyFileError(f"{file} can be read by others (mode {mode & 0o777:04o})", hint=f"chmod 600 {file}")
    try:
        return keyfile.read_centre(text)
    except KeyFileError as err:
        raise KeyFileError(f"{file}: {err.text}", hint=err.hint) from err


def _policies(path: Path) -> tuple[bytes, ...]:
    try:
        return tuple(file.read_bytes() for file in sorted((path / "policy").glob("[0-9]*.policy")))
    except OSError as err:
        raise SettingsError(f"{path}/policy cannot be read: {err}") from err


def _lock(path: Path) -> int:
    descriptor = os.open(path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as err:
        os.close(descriptor)
        raise SettingsError(
            f"another orch-master runs on {path}", hint="end it first, or use another directory"
        ) from err
    return descriptor
