"""Releases on this host's disk, whole: the one in force, the one before it, and the one that is coming.

Refuses to do: judge them, or know of the floor (inbox.py does both).

Invariants:
- what lies here was accepted once, and is kept as it was received: so it can be judged again by a later policy;
- a file is replaced whole or not at all.

Called by inbox.py. `InForce` goes to everybody who acts on a release.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import Annotated, Final

from orch.common import codec
from orch.common import release as releases
from orch.common.codec import Length
from orch.common.crypto import sha256
from orch.common.document import LIMIT as DOCUMENT_LIMIT
from orch.common.document import Document
from orch.common.envelope import open_envelope
from orch.common.errors import Malformed
from orch.common.frames import FRAME_LIMIT
from orch.common.release import Parcel, Proof, Release
from orch.minion.adapters import files
from orch.minion.settings import Layout

CURRENT: Final = "current"
NEXT: Final = "next"
_PREVIOUS: Final = "previous"
_LIMIT: Final = 2 * FRAME_LIMIT


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stored:
    release: Annotated[bytes, Length(1, FRAME_LIMIT)]
    document: Annotated[bytes, Length(1, FRAME_LIMIT)]
    proof: Proof
    gone: bool = False  # its `go` was here, or none is demanded


@dataclass(frozen=True, slots=True, kw_only=True)
class InForce:
    """A release and this host's document of it, as verified when it was taken."""

    release: Release
    document: Document
    release_hash: bytes
    document_hash: bytes


@dataclass(frozen=True, slots=True)
class Kept:
    """What a file holds."""

    what: InForce
    parcel: Parcel  # the same as it was received
    gone: bool  # its `go` was here, or none is demanded


class Shelf:
    """The three places of one host."""

    def __init__(self, layout: Layout) -> None:
        """Beside the floor."""
        self._folder = layout.state
        self._disk = layout.disk

    def read(self, name: str) -> Kept | None:
        """What lies in this place (`CURRENT`, `NEXT`); None for nothing.

        Raises:
            StoreError: the disk refuses.
            Malformed: it is damaged.
            Mislabelled: it is something else.
        """
        stored = self._read(name)
        if stored is None:
            return None
        opened = open_envelope(stored.release, type=releases.TYPE, limit=releases.LIMIT)
        found = InForce(
            release=codec.decode(Release, opened.body, limit=releases.LIMIT),
            document=codec.decode(Document, stored.document, limit=DOCUMENT_LIMIT),
            release_hash=opened.hash,
            document_hash=sha256(stored.document),
        )
        return Kept(found, Parcel(stored.release, stored.document, stored.proof), stored.gone)

    def document(self, digest: bytes) -> bytes:
        """The document with this SHA-256, as it was received, if it is coming or in force; else empty.

        Raises:
            StoreError: the disk refuses.
        """
        for name in (NEXT, CURRENT):
            with contextlib.suppress(Malformed):  # damaged is not there: the centre is asked for it
                if (stored := self._read(name)) and sha256(stored.document) == digest:
                    return stored.document
        return b""

    def _read(self, name: str) -> _Stored | None:
        data = files.read(self._folder / name, limit=_LIMIT, disk=self._disk)
        return None if data is None else codec.decode(_Stored, data, limit=_LIMIT)

    def put(self, parcel: Parcel, *, gone: bool) -> None:
        """This one is coming.

        Raises:
            StoreError: the disk refuses; what was there stays.
        """
        stored = _Stored(release=parcel.release, document=parcel.document, proof=parcel.proof, gone=gone)
        files.write(self._folder / NEXT, codec.encode(stored), disk=self._disk)

    def drop(self) -> None:
        """The one that is coming does not come.

        Raises:
            StoreError: the disk refuses.
        """
        files.remove(self._folder / NEXT, disk=self._disk)

    def promote(self) -> None:
        """The one that is coming is in force from now on.

        Raises:
            StoreError: the disk refuses.
        """
        current = self._folder / CURRENT
        if files.size(current, disk=self._disk) is not None:
            files.rename(current, self._folder / _PREVIOUS, disk=self._disk)
        files.rename(self._folder / NEXT, current, disk=self._disk)
