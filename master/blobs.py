"""Contents by their SHA-256: lists and large files that documents name, uploaded before the release that names them.

Everything here waits for the disk, so it is called on the disk's worker thread only (`Worker`), never in the loop.

Invariants:
- a file stands under its hash only after its bytes had that hash and were synced: cut anywhere, there is no wrong blob;
- paths are made of hashes that were computed or decoded as 32 bytes, never of a peer's text;
- sizes are bounded three times: a piece by the message, a blob by BLOB_LIMIT, all of them by the quota.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from orch.common.document import BLOB_LIMIT
from orch.common.errors import Malformed, ProtocolError, Refused, StoreError
from orch.common.operations import PIECE, Piece

UPLOADS = 4
"""Blobs that one connection may upload at the same time."""
GRACE = 86_400
"""Seconds that an unnamed blob is kept: an operator may have uploaded it for a release that comes next."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What there is and what is used, in bytes."""

    free: int  # on the disk
    size: int  # of the disk
    used: int  # by contents
    quota: int  # for contents


@dataclass(slots=True)
class _Upload:
    """A blob on its way in."""

    path: Path
    file: BinaryIO
    digest: hashlib._Hash
    size: int
    got: int = 0


class Blobs:
    """The files under `blobs/`."""

    def __init__(self, folder: Path, *, quota: int) -> None:
        """Use the folder; `quota` in bytes. What was half uploaded before is dropped.

        Raises:
            StoreError: the folder cannot be used.
        """
        self._folder = folder
        self._coming = folder / "coming"
        self._quota = quota
        self._uploads: dict[tuple[bytes, bytes], _Upload] = {}
        try:
            for place in (folder, self._coming):  # each by itself: what mkdir makes in between is as open as the umask
                place.mkdir(mode=0o700, exist_ok=True)
            for left in self._coming.iterdir():
                left.unlink()
            self._used = sum(file.stat().st_size for file in self._files())
        except OSError as err:
            raise StoreError(f"{folder} cannot be used: {err.strerror}") from err

    def path(self, sha256: bytes) -> Path:
        """Where a blob lies, whether it is there or not."""
        name = sha256.hex()
        return self._folder / name[:2] / name

    def room(self) -> Room:
        """How much there is.

        Raises:
            StoreError: the disk does not say.
        """
        try:
            disk = os.statvfs(self._folder)
        except OSError as err:
            raise StoreError(f"{self._folder} cannot be looked at: {err.strerror}") from err
        free, size = disk.f_bavail * disk.f_frsize, disk.f_blocks * disk.f_frsize
        return Room(free=free, size=size, used=self._used, quota=self._quota)

    def missing(self, hashes: Iterable[bytes], *, now: int) -> tuple[bytes, ...]:
        """Those that are not here whole: each is read, and one that has other bytes than its name says is dropped.

        Those that are here count as used now, so that they outlive the next clean-up.

        Raises:
            StoreError: the disk refuses.
        """
        lacking = []
        for name in hashes:
            try:
                if self._is_whole(name):
                    os.utime(self.path(name), (now, now))
                else:
                    lacking.append(name)
            except FileNotFoundError:
                lacking.append(name)
            except OSError as err:
                raise StoreError(f"the content {name.hex()[:12]} cannot be read: {err.strerror}") from err
        return tuple(lacking)

    def _is_whole(self, name: bytes) -> bool:
        path = self.path(name)
        with path.open("rb") as file:
            fits = hashlib.file_digest(file, "sha256").digest() == name
        if not fits:
            self._used -= path.stat().st_size
            path.unlink()  # whoever has the right bytes is asked for them
        return fits

    def part(self, name: bytes, offset: int) -> bytes:
        """At most PIECE bytes of a blob.

        Raises:
            Refused: it is not here.
            StoreError: the disk refuses.
        """
        try:
            with self.path(name).open("rb") as file:
                file.seek(max(0, offset))
                return file.read(PIECE)
        except FileNotFoundError as err:
            raise Refused(f"there is no content {name.hex()[:12]} here", hint="upload it again: orch apply") from err
        except OSError as err:
            raise StoreError(f"the content {name.hex()[:12]} cannot be read: {err.strerror}") from err

    def put(self, peer: bytes, piece: Piece) -> None:
        """Take the next piece of a blob from one connection.

        Raises:
            Malformed: the blob has another hash than it was said to have, or is larger than allowed.
            ProtocolError: pieces out of order, or too many blobs at once.
            StoreError: the disk or the quota is full.
        """
        try:
            self._put(peer, piece)
        except (OSError, Malformed, ProtocolError, StoreError) as err:
            self._drop((peer, piece.sha256))
            if isinstance(err, OSError):
                raise StoreError(f"an upload cannot be kept: {err.strerror}", hint="is the disk full?") from err
            raise

    def _put(self, peer: bytes, piece: Piece) -> None:
        name = (peer, piece.sha256)
        if piece.offset == 0:
            self._begin(name, piece.size)
        upload = self._uploads.get(name)
        if upload is None or (upload.got, upload.size) != (piece.offset, piece.size):
            raise ProtocolError("a piece out of order", hint="begin this upload again from its start")
        upload.got += len(piece.data)
        if upload.got > upload.size:
            raise Malformed("a blob that is longer than it was said to be")
        if not piece.data and upload.size:
            raise Malformed("an empty piece")
        upload.digest.update(piece.data)
        upload.file.write(piece.data)
        if upload.got == upload.size:
            self._finish(name, upload)

    def forget(self, peer: bytes) -> None:
        """A connection is gone: drop what it had half uploaded."""
        for name in [name for name in self._uploads if name[0] == peer]:
            self._drop(name)

    def close(self) -> None:
        """Drop everything that is half uploaded."""
        for name in list(self._uploads):
            self._drop(name)

    def collect(self, named: frozenset[bytes], *, now: int) -> int:
        """Delete blobs that no release names and nobody has asked for lately; how many.

        Raises:
            StoreError: the disk refuses.
        """
        gone = 0
        try:
            for file in list(self._files()):
                status = file.stat()
                if bytes.fromhex(file.name) not in named and status.st_mtime < now - GRACE:
                    file.unlink()
                    self._used -= status.st_size
                    gone += 1
        except OSError as err:
            raise StoreError(f"old contents cannot be deleted: {err.strerror}") from err
        return gone

    def _begin(self, name: tuple[bytes, bytes], size: int) -> None:
        self._drop(name)
        if size > BLOB_LIMIT:
            raise Malformed(f"a content of {size} bytes where at most {BLOB_LIMIT} are allowed")
        if sum(1 for other in self._uploads if other[0] == name[0]) >= UPLOADS:
            raise ProtocolError(f"more than {UPLOADS} uploads at once")
        if self._used + sum(item.size for item in self._uploads.values()) + size > self._quota:
            hint = "raise limits.blobs in master.toml, or wait: contents that no release names go after a day"
            raise StoreError("the centre's room for contents is used up", hint=hint)
        path = self._coming / f"{name[0].hex()}-{name[1].hex()}"
        self._uploads[name] = _Upload(path, path.open("xb"), hashlib.sha256(), size)

    def _finish(self, name: tuple[bytes, bytes], upload: _Upload) -> None:
        if upload.digest.digest() != name[1]:
            raise Malformed("a content that has another hash than it was said to have")
        upload.file.flush()
        os.fsync(upload.file.fileno())
        upload.file.close()
        upload.path.chmod(0o400)
        place = self.path(name[1])
        place.parent.mkdir(mode=0o700, exist_ok=True)
        if not place.exists():
            self._used += upload.size
        upload.path.rename(place)
        _sync(place.parent)
        _sync(self._folder)
        del self._uploads[name]

    def _drop(self, name: tuple[bytes, bytes]) -> None:
        upload = self._uploads.pop(name, None)
        if upload is not None:
            upload.file.close()
            upload.path.unlink(missing_ok=True)

    def _files(self) -> Iterable[Path]:
        return (file for file in self._folder.glob("[0-9a-f][0-9a-f]/*") if len(file.name) == 64)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
