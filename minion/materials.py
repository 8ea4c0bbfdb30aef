"""Contents that a document names by hash: what is here, what is lacking, and how it gets here.

A list or a large file is kept under its hash once it is here, so a host can mend itself without a line. What is lacking
is taken from what a stick brought (carrying.py), else fetched into the spool, and hashed while it is copied from there.

Refuses to do: believe the spool, the fetcher or the centre. A content is what its hash says, or it is not here.

Invariants:
- nothing is asked when the hashes are already right;
- for a question only lists are fetched, in little time and up to a small size: a plan looks at files by their hashes;
- a file is in the store whole and checked, or not at all;
- what no document names any more is removed, but only after a turn that ended well.

Called by reconcile, in the executor's worker thread.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from orch.common import transfer
from orch.common.document import BLOB_LIMIT, LIST_LIMIT, Document
from orch.common.errors import Blocked, Malformed, StepFailed, StoreError
from orch.common.events import FETCH_ENDED, FETCH_STARTED, PROBLEM, Log
from orch.minion.adapters import files
from orch.minion.adapters.files import Exactly
from orch.minion.settings import Layout
from orch.minion.want import Errand

_SLACK: Final = 4 * 1024 * 1024
"""Bytes of rsync's own talk, beyond the contents."""
_PER_FILE: Final = 1024
_FETCH: Final = 3600.0
"""Seconds for the fetch of a release: what came stays, and the next one goes on from there."""
QUESTION_FETCH: Final = 120.0
"""Seconds for the fetch of a plan request: whoever may only ask must not hold up the host's one worker."""
QUESTION_SIZE: Final = 16 * 1024 * 1024
"""Bytes of lists that a plan request may make a host fetch."""


class Fetch(Protocol):
    """Gets a document's files into the spool (adapters/rsync.py)."""

    def __call__(self, errand: Errand) -> Path:
        """The folder in which they lie now.

        Raises:
            Blocked: the line, the centre or the disk stood in the way.
        """


@dataclass(frozen=True, slots=True)
class Needed:
    """A content that a document names."""

    sha256: bytes
    size: int
    path: str  # in the centre's tree


def needed_to_plan(document: Document) -> dict[bytes, Needed]:
    """The lists that a document names, by hash: no content of a file is looked at before it is put in place.

    Raises:
        Malformed: one of them is larger than lists may be.
    """
    found: dict[bytes, Needed] = {}
    for item in document.lists:
        if item.size > LIST_LIMIT:
            raise Malformed(f"the list {item.name} would have {item.size} bytes")
        found[item.sha256] = Needed(item.sha256, item.size, transfer.list_path(item.name))
    return found


def needed(document: Document) -> dict[bytes, Needed]:
    """All contents that a document names and does not carry itself, by hash.

    Raises:
        Malformed: one of them is larger than such a thing may be.
    """
    found = needed_to_plan(document)
    for file in document.files:
        if file.content is None:
            if file.size > BLOB_LIMIT:
                raise Malformed(f"{file.path} would have {file.size} bytes")
            found.setdefault(file.sha256, Needed(file.sha256, file.size, transfer.blob_path(file.sha256)))
    return found


class Materials(Mapping[bytes, bytes]):
    """Contents by hash, read when they are asked for."""

    def __init__(self, layout: Layout, names: Mapping[bytes, Needed]) -> None:
        """What of `names` lies in the layout's folder."""
        self._layout = layout
        self._names = names

    def __getitem__(self, sha256: bytes) -> bytes:
        """The content.

        Raises:
            KeyError: no such content is named.
            StoreError: it has gone, or the disk has spoiled it.
        """
        size = self._names[sha256].size
        data = files.read(self._layout.blobs / sha256.hex(), limit=size, disk=self._layout.disk)
        if data is None or hashlib.sha256(data).digest() != sha256:
            raise StoreError(f"the content {sha256.hex()[:12]} on this disk is damaged", hint="look at the disk: dmesg")
        return data

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


class Store:
    """The contents of one host."""

    def __init__(self, layout: Layout, fetch: Fetch, log: Log) -> None:
        """Keep them in the layout's folder."""
        self._layout = layout
        self._folder = layout.blobs
        self._fetch = fetch
        self._log = log

    def gather(self, document: Document, document_hash: bytes) -> Materials:
        """Everything that the document names; fetched where it is lacking.

        Raises:
            Blocked: it cannot be had now.
            StoreError: this host's own disk.
        """
        wanted = needed(document)
        self._get(Errand(document=document_hash, most=_most(wanted), seconds=_FETCH), wanted)
        return Materials(self._layout, wanted)

    def gather_to_plan(self, document: Document, document_hash: bytes) -> Materials:
        """The lists that the document names, for a question; fetched where they are lacking.

        Raises:
            Blocked: they cannot be had now.
            StepFailed: they are more than may be fetched for a question.
            StoreError: this host's own disk.
        """
        wanted = needed_to_plan(document)
        size = sum(item.size for item in wanted.values() if not self._has(item))
        if size > QUESTION_SIZE:
            raise StepFailed(f"this host fetches {QUESTION_SIZE} bytes of lists for a plan at most, not {size}")
        errand = Errand(document=document_hash, most=_most(wanted), seconds=QUESTION_FETCH, lists_only=True)
        self._get(errand, wanted)
        return Materials(self._layout, wanted)

    def _get(self, errand: Errand, wanted: Mapping[bytes, Needed]) -> None:
        lacking = [item for item in wanted.values() if not self._has(item) and not self._brought(item)]
        if not lacking:
            return
        document, size = errand.document, sum(item.size for item in lacking)
        self._log.write(FETCH_STARTED, document=document, lacking=len(lacking), size=size)
        try:
            spool = self._fetch(errand)
            files.make_folder(self._folder, disk=self._layout.disk)
            for item in lacking:
                self._take(spool, item)
        except Blocked as err:
            self._log.write(FETCH_ENDED, document=document, code=err.code, text=err.text)
            raise
        self._log.write(FETCH_ENDED, document=document, got=len(lacking))

    def _brought(self, item: Needed) -> bool:
        """Whether a stick has brought it; then it is here now."""
        brought, name, disk = self._layout.carried, item.sha256.hex(), self._layout.disk
        if files.size(brought / name, disk=disk) is None:
            return False
        files.make_folder(self._folder, disk=disk)
        try:
            files.copy_checked(brought, name, self._folder / name, Exactly(item.sha256, item.size), disk=disk)
        except Malformed as err:
            self._log.write(PROBLEM, code=err.code, text=f"what a stick brought cannot be used: {err.text}")
            return False
        finally:
            files.remove(brought / name, disk=disk)
        return True

    def _take(self, spool: Path, item: Needed) -> None:
        target = self._folder / item.sha256.hex()
        try:
            files.copy_checked(spool, item.path, target, Exactly(item.sha256, item.size), disk=self._layout.disk)
        except Malformed as err:
            raise Blocked(f"what the centre sent cannot be used: {item.path}: {err.text}") from err

    def forget_others(self, *documents: Document) -> None:
        """Remove what none of these documents names.

        Raises:
            StoreError: the disk refuses.
        """
        kept = {sha256.hex() for document in documents for sha256 in needed(document)}
        for name in files.names(self._folder, disk=self._layout.disk):
            if name not in kept:
                files.remove(self._folder / name, disk=self._layout.disk)

    def _has(self, item: Needed) -> bool:
        # Its hash was checked when it was put here, and is again when it is read.
        return files.size(self._folder / item.sha256.hex(), disk=self._layout.disk) == item.size


def _most(wanted: Mapping[bytes, Needed]) -> int:
    """Bytes that a stream with these files may have."""
    return sum(item.size + _PER_FILE for item in wanted.values()) + _SLACK
