"""A centre's backup: one file with all that a machine needs to be this centre again, made while the centre runs.

A tar file, packed with gzip:

    centre.key  master.toml  policy/0001.policy ...     as they lie in the directory
    store.db                                            a copy as of one moment, made by SQLite (VACUUM INTO)
    blobs/aa/HEX                                        contents that documents name
    backup.json                                         last: what it is, and size and SHA-256 of everything before

The file is secret: it holds the centre's key. It holds nothing that could command a host, as the centre does not.

Invariants:
- the copy of the database is one moment's, whatever is written meanwhile; contents are copied after it, so none that it
  names can be missing (they are only ever deleted a day after the last release that named them has gone);
- a file without its last member is not a backup: what was cut off is refused before anything stands in its place;
- nothing is unpacked but files of the names above: a crafted file writes nowhere else;
- the key goes into its place last, so a centre does not start on what is half restored.

Called by `orch-master backup` and `orch-master restore`.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import re
import shutil
import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from orch.common.errors import Malformed, SettingsError, StoreError
from orch.master import directory
from orch.master.store_schema import copy_database

SCHEMA = "orch/centre-backup/1"
_LAST = "backup.json"
_KEY = "centre.key"
_NAME = re.compile(
    r"centre\.key|master\.toml|store\.db|policy/[0-9]{4,9}\.policy|blobs/[0-9a-f]{2}/[0-9a-f]{64}|backup\.json"
)
_PIECE = 1 << 20
_STAGING = "restoring"
_OTHER = "take the file that orch-master backup wrote, whole and unaltered"

Found = dict[str, tuple[int, str]]
"""Name in the backup to size and SHA-256."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """What a backup holds."""

    estate: str
    made: int  # seconds since 1970
    files: int
    size: int  # bytes, unpacked


class _Counted(io.RawIOBase):
    """A file being read that counts and hashes what goes by."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.size = 0
        self.digest = hashlib.sha256()

    def read(self, size: int = -1, /) -> bytes:
        data = self._file.read(size)
        self.size += len(data)
        self.digest.update(data)
        return data

    @property
    def seen(self) -> tuple[int, str]:
        """How much, and its SHA-256."""
        return self.size, self.digest.hexdigest()


# --- making one ---------------------------------------------------------------------------------------------


def make(path: Path, target: BinaryIO, *, now: int) -> Backup:
    """Write a backup of the centre's directory; the centre may run or not.

    Args:
        path: the centre's directory.
        target: where to, as a stream: it is only written, from its beginning to its end.
        now: seconds since 1970, kept in it.

    Raises:
        OrchError: the directory is not a centre's, or a disk is full or failing.
    """
    estate = directory.read_key(path).estate
    found: Found = {}
    try:
        with tempfile.TemporaryDirectory(prefix="backup-", dir=path) as folder:
            copied = Path(folder) / "store.db"
            if (path / "store.db").exists():
                copy_database(path / "store.db", copied)
            with tarfile.open(fileobj=target, mode="w|gz") as tar:
                for name, file in _sources(path, copied):
                    _add(tar, found, name=name, file=file)
                head = {"schema": SCHEMA, "estate": estate, "made": now, "files": found}
                _add_bytes(tar, _LAST, json.dumps(head, indent=1, sort_keys=True).encode())
    except OSError as err:
        raise StoreError(f"the backup cannot be written: {err.strerror or err}", hint="is the disk full?") from err
    return Backup(estate=estate, made=now, files=len(found), size=sum(size for size, _digest in found.values()))


def _sources(path: Path, copied: Path) -> Iterator[tuple[str, Path]]:
    yield _KEY, path / _KEY
    yield "store.db", copied
    yield "master.toml", path / "master.toml"
    for file in sorted((path / "policy").glob("[0-9]*.policy")):
        yield f"policy/{file.name}", file
    for file in sorted((path / "blobs").glob("[0-9a-f][0-9a-f]/*")):
        yield f"blobs/{file.parent.name}/{file.name}", file


def _add(tar: tarfile.TarFile, found: Found, *, name: str, file: Path) -> None:
    if not _NAME.fullmatch(name):
        return
    try:
        opened = file.open("rb")
    except FileNotFoundError:
        return  # there is none, or the centre has just deleted a content that nothing names
    with opened:
        counted = _Counted(opened)
        info = tarfile.TarInfo(name)
        info.size, info.mode, info.mtime = os.fstat(opened.fileno()).st_size, 0o600, 0
        tar.addfile(info, counted)
        found[name] = counted.seen


def _add_bytes(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(data), 0o600
    tar.addfile(info, io.BytesIO(data))


# --- putting one back ---------------------------------------------------------------------------------------


def restore(source: BinaryIO, path: Path) -> Backup:
    """Make a centre's directory of a backup.

    Args:
        source: the backup, as a stream.
        path: a directory that is empty or not there yet. Where it belongs to another user and root does this, all in
            it will belong to that user.

    Raises:
        SettingsError: the directory is in use.
        Malformed: it is not a whole backup; nothing is left of it in the directory.
        StoreError: a disk is full or failing.
    """
    _must_be_empty(path)
    staging = path / _STAGING
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        staging.mkdir(mode=0o700)
        try:
            found = _unpack(source, staging)
            read = _judge(staging, found)
            _into_place(staging, path)
        finally:
            shutil.rmtree(staging, ignore_errors=True)
        _give(path)
        os.sync()
    except OSError as err:
        raise StoreError(f"{path} cannot be written: {err.strerror or err}", hint="is the disk full?") from err
    return read


def _must_be_empty(path: Path) -> None:
    try:
        there = sorted(item.name for item in path.iterdir())
    except FileNotFoundError:
        return
    except OSError as err:
        raise SettingsError(f"{path} cannot be used: {err.strerror}") from err
    if there:
        raise SettingsError(
            f"{path} is not empty: there is {there[0]}", hint="move it away, or restore into another directory"
        )


def _unpack(source: BinaryIO, staging: Path) -> Found:
    found: Found = {}
    try:
        with tarfile.open(fileobj=source, mode="r|gz") as tar:
            for member in tar:
                plain = member.isreg() and not member.issparse()  # a sparse one of a few bytes could fill the disk
                if not (plain and _NAME.fullmatch(member.name)) or member.name in found:
                    raise Malformed(f"this is no backup of a centre: it holds {member.name[:100]!r}", hint=_OTHER)
                opened = tar.extractfile(member)
                if opened is not None:
                    found[member.name] = _write(opened, staging / member.name)
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile, ValueError, OverflowError) as err:
        raise Malformed(f"this is no whole backup of a centre: {err}", hint=_OTHER) from err
    return found


def _write(source: object, place: Path) -> tuple[int, str]:
    counted = _Counted(source)  # type: ignore[arg-type]  # tarfile's word for a file that is read
    for folder in reversed([item for item in place.parents if not item.exists()]):
        folder.mkdir(mode=0o700)
    descriptor = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        while piece := counted.read(_PIECE):
            file.write(piece)
    return counted.seen


def _judge(staging: Path, found: Found) -> Backup:
    if _LAST not in found or found[_LAST][0] > 1 << 28:
        raise Malformed("this is no whole backup of a centre: its end is missing", hint=_OTHER)
    try:
        told = json.loads((staging / _LAST).read_bytes())
        if told["schema"] != SCHEMA:
            raise Malformed(f"a backup of the kind {str(told['schema'])[:60]!r} is not known here", hint="update orch")
        named = {str(name): (int(size), str(digest)) for name, (size, digest) in dict(told["files"]).items()}
        estate, made = str(told["estate"]), int(told["made"])
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as err:
        raise Malformed("this is no backup of a centre: its last part is not as it was written", hint=_OTHER) from err
    there = {name: seen for name, seen in found.items() if name != _LAST}
    if there != named or _KEY not in there:
        wrong = sorted({name for name in {*there, *named} if there.get(name) != named.get(name)} or {_KEY})
        raise Malformed(f"the backup was altered or damaged: {wrong[0]} is not as it was written", hint=_OTHER)
    (staging / _LAST).unlink()
    return Backup(estate=estate, made=made, files=len(named), size=sum(size for size, _digest in named.values()))


def _into_place(staging: Path, path: Path) -> None:
    for item in sorted(staging.iterdir(), key=lambda item: item.name == _KEY):
        item.rename(path / item.name)


def _give(path: Path) -> None:
    owner = path.stat()
    if os.geteuid() == 0 and (owner.st_uid, owner.st_gid) != (0, 0):
        for item in path.rglob("*"):
            os.chown(item, owner.st_uid, owner.st_gid, follow_symlinks=False)
