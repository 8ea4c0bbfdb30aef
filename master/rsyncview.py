"""The tree that one host may see for one document: hard links into the blobs, and nothing beside them.

`views/HEX(key)/HEX(document)/{lists/NAME.list,blobs/HEX}`. Called on the disk's worker thread, never in the loop.

Invariants:
- a tree is made whole under another name and renamed, so rsync never serves half of one;
- names of lists come out of the codec's `Name`, everything else in a path is the hexadecimal form of 32 bytes;
- hard links, no symbolic ones: nothing in a tree can point out of it.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from orch.common import transfer
from orch.common.document import Document
from orch.common.errors import StoreError
from orch.master.blobs import Blobs


def contents_of(document: Document) -> frozenset[bytes]:
    """The contents that a document names and does not hold itself."""
    lists = {item.sha256 for item in document.lists}
    return frozenset(lists | {item.sha256 for item in document.files if item.content is None})


class Views:
    """The trees under `views/`."""

    def __init__(self, folder: Path, blobs: Blobs) -> None:
        """Use the folder; trees of an earlier run are dropped, as they are made again when they are asked for.

        Raises:
            StoreError: the folder cannot be used.
        """
        self._folder = folder
        self._blobs = blobs
        try:
            if folder.exists():
                shutil.rmtree(folder)
            folder.mkdir(mode=0o700)
        except OSError as err:
            raise StoreError(f"{folder} cannot be used: {err.strerror}") from err

    def tree(self, curve: bytes, name: bytes, document: Document) -> Path:
        """The tree of a document (SHA-256 `name`) for the host with that key.

        Raises:
            StoreError: a content is not here, or the disk refuses.
        """
        place = self._folder / curve.hex() / name.hex()
        if self._is_current(place, document):
            return place
        making = place.with_suffix(".new")
        try:
            _clear(making, place)
            for part in ("lists", "blobs"):
                (making / part).mkdir(mode=0o700, parents=True)
            for item in document.lists:
                os.link(self._blobs.path(item.sha256), making / transfer.list_path(item.name))
            for content in {item.sha256 for item in document.files if item.content is None}:
                os.link(self._blobs.path(content), making / transfer.blob_path(content))
            making.rename(place)
        except FileNotFoundError as err:
            hint = "upload it again: orch apply"
            raise StoreError(f"a content of {document.host} is not at the centre", hint=hint) from err
        except OSError as err:
            raise StoreError(f"the tree of {document.host} cannot be made: {err.strerror}") from err
        return place

    def _is_current(self, place: Path, document: Document) -> bool:
        """Whether a tree is there and each of its links is the blob of now: a damaged one may have been replaced."""
        links = [(transfer.list_path(item.name), item.sha256) for item in document.lists]
        links += [(transfer.blob_path(item.sha256), item.sha256) for item in document.files if item.content is None]
        try:
            return place.is_dir() and all((place / path).samefile(self._blobs.path(name)) for path, name in links)
        except OSError:
            return False

    def prune(self, keep: frozenset[tuple[bytes, bytes]]) -> None:
        """Drop all trees but these, each named by the host's key and the document's hash.

        Raises:
            StoreError: the disk refuses.
        """
        kept = {(curve.hex(), document.hex()) for curve, document in keep}
        try:
            for tree in self._folder.glob("*/*"):
                if (tree.parent.name, tree.name) not in kept:
                    shutil.rmtree(tree)
            for host in self._folder.iterdir():
                if not any(host.iterdir()):
                    host.rmdir()
        except OSError as err:
            raise StoreError(f"old trees cannot be deleted: {err.strerror}") from err


def _clear(*stale: Path) -> None:
    for tree in stale:
        if tree.exists():
            shutil.rmtree(tree)
