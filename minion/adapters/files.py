"""Files that survive a power cut, and files from a place that is not trusted: the executor's door to its own folders.

Refuses to do: follow a link, read more than the caller says, or leave a file half written under its own name.

Invariants:
- `write` gives the old content or the new one, never a mixture, whenever the power goes: a temporary file beside the
  target, fsync, rename, fsync of the folder;
- a mode is set before there is any content to read;
- `copy_checked` opens every part of the path without following links, so whoever owns the source folder cannot make
  root read something else, and the bytes that were hashed are the bytes that were written.

Called by floor, keeping, materials, keys and the journal's set-up.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from orch.common.errors import Malformed, StoreError
from orch.minion.adapters.disk import REAL, Disk, Owner, Written

CHUNK = 256 * 1024


def read(path: Path, *, limit: int, disk: Disk = REAL) -> bytes | None:
    """The content of a regular file; None where there is none.

    Raises:
        StoreError: not a regular file, larger than `limit` bytes, or not readable.
    """
    try:
        data = disk.read(path, most=limit + 1)
    except OSError as err:
        raise StoreError(f"cannot read {path}: {err.strerror}") from err
    if data is not None and len(data) > limit:
        raise StoreError(f"{path} has more than the {limit} bytes that it may have")
    return data


def write(path: Path, data: bytes, *, mode: int = 0o600, owner: Owner | None = None, disk: Disk = REAL) -> None:
    """Put a file there, whole and for good.

    Raises:
        StoreError: the disk is full, read-only or failing; the old file is still there.
    """
    beside = path.with_name(f".{path.name}.new")
    try:
        with disk.create(beside, mode=mode, owner=owner) as file:
            file.write(data)
            file.sync()
        disk.replace(beside, path)
        disk.sync_folder(path.parent)
    except OSError as err:
        with contextlib.suppress(OSError):
            disk.unlink(beside)
        raise StoreError(f"cannot write {path}: {err.strerror}", hint="look at the disk: df, dmesg") from err


def rename(source: Path, target: Path, *, disk: Disk = REAL) -> None:
    """Rename within a folder, for good.

    Raises:
        StoreError: the disk refuses; nothing was renamed.
    """
    try:
        disk.replace(source, target)
        disk.sync_folder(target.parent)
    except OSError as err:
        raise StoreError(f"cannot rename {source} to {target.name}: {err.strerror}") from err


def remove(path: Path, *, disk: Disk = REAL) -> None:
    """Remove a file, if it is there.

    Raises:
        StoreError: the disk refuses.
    """
    try:
        disk.unlink(path)
        disk.sync_folder(path.parent)
    except OSError as err:
        raise StoreError(f"cannot remove {path}: {err.strerror}") from err


def remove_here(folder: Path, names: Sequence[str], *, disk: Disk = REAL) -> None:
    """Remove these files of a folder, if they and it are there.

    Raises:
        StoreError: the disk refuses.
    """
    for name in sorted(set(names) & set(disk.names(folder)), key=names.index):
        remove(folder / name, disk=disk)


def size(path: Path, *, disk: Disk = REAL) -> int | None:
    """Bytes of a regular file; None where there is none.

    Raises:
        StoreError: the disk refuses.
    """
    try:
        return disk.size(path)
    except OSError as err:
        raise StoreError(f"cannot look at {path}: {err.strerror}") from err


def names(folder: Path, *, disk: Disk = REAL) -> tuple[str, ...]:
    """What is in a folder; nothing where there is none.

    Raises:
        StoreError: the disk refuses.
    """
    try:
        return disk.names(folder)
    except OSError as err:
        raise StoreError(f"cannot look into {folder}: {err.strerror}") from err


def read_oddity(path: Path, *, limit: int) -> bytes:
    """The first bytes of a file of the kernel's; empty where there is none or it may not be read."""
    try:
        with path.open("rb") as file:
            return file.read(limit)
    except OSError:
        return b""


def is_root() -> bool:
    """Whether this process may give files to other users."""
    return os.getuid() == 0


def make_folder(path: Path, *, mode: int = 0o700, owner: Owner | None = None, disk: Disk = REAL) -> None:
    """Make a folder with this mode and owner, or give them to the one that is there.

    Raises:
        StoreError: something else has this name, or the disk refuses.
    """
    try:
        disk.make_folder(path, mode=mode, owner=owner)
    except OSError as err:
        raise StoreError(f"cannot make the folder {path}: {err.strerror}") from err


@dataclass(frozen=True, slots=True)
class Exactly:
    """What a foreign file must be: not a byte more is read, and it must hash to this."""

    sha256: bytes
    size: int


def copy_checked(root: Path, relative: str, target: Path, wanted: Exactly, *, disk: Disk = REAL) -> None:
    """Copy a file out of a folder that somebody else owns, if it is exactly what it must be.

    Args:
        root: the foreign folder, on this machine's own disk.
        relative: the file in it; no part of it may be a link.
        target: where it goes, in a folder of ours.
        wanted: its hash and size.
        disk: where the target is.

    Raises:
        Malformed: not there, not a regular file, another size or another hash; nothing was put at `target`.
        StoreError: our own disk is full or failing.
    """
    beside = target.with_name(f".{target.name}.new")
    try:
        with _foreign(root, relative) as source, disk.create(beside, mode=0o600, owner=None) as file:
            if _copied(source, file, wanted.size) != wanted.sha256:
                raise Malformed(f"{relative} is not what the document names: its hash differs")
            file.sync()
        disk.replace(beside, target)
        disk.sync_folder(target.parent)
    except OSError as err:
        raise StoreError(f"cannot write {target}: {err.strerror}", hint="look at the disk: df, dmesg") from err
    finally:
        with contextlib.suppress(OSError):
            disk.unlink(beside)


@contextlib.contextmanager
def _foreign(root: Path, relative: str) -> Iterator[int]:
    *folders, name = relative.split("/")
    folder = _opened(str(root), relative, at=None, flags=os.O_DIRECTORY)
    try:
        for part in folders:
            inner = _opened(part, relative, at=folder, flags=os.O_DIRECTORY)
            os.close(folder)
            folder = inner
        # Non-blocking, so that a pipe of this name cannot hold root for ever.
        descriptor = _opened(name, relative, at=folder, flags=os.O_NONBLOCK)
    finally:
        os.close(folder)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise Malformed(f"{relative} is not a regular file")
        yield descriptor
    finally:
        os.close(descriptor)


def _opened(name: str, relative: str, *, at: int | None, flags: int) -> int:
    try:
        return os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | flags, dir_fd=at)
    except OSError as err:
        if err.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EACCES, errno.ENXIO):
            raise Malformed(f"{relative} did not come: {err.strerror}") from err
        raise


def _copied(source: int, target: Written, size: int) -> bytes:
    import hashlib  # only here: an agent has this module too, and does without OpenSSL's memory

    digest, left = hashlib.sha256(), size
    while left and (piece := os.read(source, min(CHUNK, left))):
        digest.update(piece)
        target.write(piece)
        left -= len(piece)
    if left or os.read(source, 1):
        raise Malformed(f"a file has not the {size} bytes that the document names")
    return digest.digest()
