"""The disk as files.py uses it: the few calls whose order decides what a power cut leaves.

Refuses to do: put them in order. files.py does, once for everybody.

A real disk keeps what was written and not synced for as long as it likes; the simulator's (tests/sim/disk.py) loses and
tears it on purpose, which is why this is a port.

Called by files.py.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from orch.common.errors import StoreError


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose a file is: numeric user and group."""

    uid: int
    gid: int


class Written(Protocol):
    """A new file that is being filled."""

    def write(self, data: bytes) -> None:
        """Append this.

        Raises:
            OSError: as of the kernel.
        """

    def sync(self) -> None:
        """What was written is safe when this returns.

        Raises:
            OSError: as of the kernel.
        """


class Disk(Protocol):
    """Where an executor keeps what it knows. Every call raises OSError as the kernel does."""

    def read(self, path: Path, *, most: int) -> bytes | None:
        """The first bytes of a regular file; None where there is no such name.

        Raises:
            StoreError: not a regular file.
        """

    def create(self, path: Path, *, mode: int, owner: Owner | None) -> AbstractContextManager[Written]:
        """An empty file, whatever was there; it has its mode and owner before it has a content."""

    def replace(self, source: Path, target: Path) -> None:
        """Give a file another name in its folder, in the place of what had it."""

    def unlink(self, path: Path) -> None:
        """Take the name away, if it is there."""

    def sync_folder(self, path: Path) -> None:
        """The names in this folder are safe when this returns."""

    def size(self, path: Path) -> int | None:
        """Bytes of a regular file; None where there is none."""

    def names(self, folder: Path) -> tuple[str, ...]:
        """What is in a folder; nothing where there is none."""

    def make_folder(self, path: Path, *, mode: int, owner: Owner | None) -> None:
        """A folder with this mode and owner, new or not.

        Raises:
            StoreError: something else has this name.
        """


class _File:
    """A file that is being filled."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(self._descriptor, view) :]

    def sync(self) -> None:
        os.fsync(self._descriptor)


class RealDisk:
    """This machine's own."""

    def read(self, path: Path, *, most: int) -> bytes | None:
        """Without following a link, and without waiting at a pipe."""
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
        except FileNotFoundError:
            return None
        try:
            # Before Python opens it: that raises an error of its own for a folder.
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise StoreError(f"{path} is not a regular file")
            with open(descriptor, "rb", closefd=False) as file:
                return file.read(most)
        finally:
            os.close(descriptor)

    @contextmanager
    def create(self, path: Path, *, mode: int, owner: Owner | None) -> Iterator[Written]:
        """Without following a link."""
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            os.fchmod(descriptor, mode)
            if owner is not None:
                os.fchown(descriptor, owner.uid, owner.gid)
            yield _File(descriptor)
        finally:
            os.close(descriptor)

    def replace(self, source: Path, target: Path) -> None:
        """One rename."""
        source.replace(target)

    def unlink(self, path: Path) -> None:
        """One unlink."""
        path.unlink(missing_ok=True)

    def sync_folder(self, path: Path) -> None:
        """One fsync of the folder."""
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def size(self, path: Path) -> int | None:
        """One stat."""
        return path.stat().st_size if path.is_file() else None

    def names(self, folder: Path) -> tuple[str, ...]:
        """One look."""
        return tuple(path.name for path in folder.iterdir()) if folder.is_dir() else ()

    def make_folder(self, path: Path, *, mode: int, owner: Owner | None) -> None:
        """With those above it."""
        path.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError):
            path.mkdir(mode=mode)
        if path.is_symlink() or not path.is_dir():
            raise StoreError(f"{path} is there and is not a folder")
        path.chmod(mode)
        if owner is not None:
            os.chown(path, owner.uid, owner.gid)


REAL: Final = RealDisk()
