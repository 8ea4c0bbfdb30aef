"""What a file system wrote to its disk, in order, and the disk as it is after any power cut in between.

A disk keeps what was written before a flush that it has answered. Of what came after it, a cut leaves any part: the
first so many writes, or any of them, and some of these torn between two sectors.

Invariants:
- everything lies in one folder, which should be on a tmpfs: nothing is written to a real disk;
- a position is a number of bytes of the log. What was claimed at a position rests on records before it.

Called by the families of generated cases (tests/proof).
"""

from __future__ import annotations

import os
import shutil
import subprocess
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import TypeAlias

from tests.lab import command, mounts
from tests.lab.errors import LabError
from tests.lab.recorder import RECORD, WRITE

SECTOR = 512
_SUPERBLOCK = 4096
_PIECE = 64 * 1024
Piece: TypeAlias = tuple[int, bytes]
"""Where on the disk, and what."""


@dataclass(frozen=True, slots=True)
class FileSystem:
    """A kind of file system, how large a disk it needs and how it is made."""

    kind: str
    size: int
    make: tuple[str, ...]


EXT4 = FileSystem(
    "ext4", 32 << 20, ("mkfs.ext4", "-q", "-F", "-N", "2048", "-E", "lazy_itable_init=0,lazy_journal_init=0,nodiscard")
)
XFS = FileSystem("xfs", 320 << 20, ("mkfs.xfs", "-q", "-f", "-K"))


def file_systems() -> tuple[FileSystem, ...]:
    """Those that this machine can make."""
    return tuple(one for one in (EXT4, XFS) if shutil.which(one.make[0], path=command.PATH))


@dataclass(frozen=True, slots=True)
class Cut:
    """A moment at which the power went, and what was on the disk then."""

    position: int
    pieces: tuple[Piece, ...]
    how: str


class Recording:
    """One disk's life: how it was in the beginning, and every write and flush since."""

    def __init__(self, system: FileSystem, base: Sequence[Piece], log: bytes) -> None:
        """Read the log."""
        self.system = system
        self._base = tuple(base)
        self._writes: list[Piece] = []
        self._ends: list[int] = []  # of each write: the position after it
        self._flushes: list[tuple[int, int]] = []  # position after it, writes before it
        at = 0
        while at + RECORD.size <= len(log):
            kind, length, offset = RECORD.unpack_from(log, at)
            at += RECORD.size + length
            if kind == WRITE:
                self._writes.append((offset, log[at - length : at]))
                self._ends.append(at)
            else:
                self._flushes.append((at, len(self._writes)))

    def cut(self, dice: Random, *, after: int) -> Cut:
        """A power cut at a random write after a position, which leaves what the dice say."""
        first = bisect_left(self._ends, after + 1)
        if first == len(self._ends):
            raise LabError("nothing was written after that")
        at = dice.randrange(first, len(self._ends))
        position = self._ends[at]
        safe = max((before for end, before in self._flushes if end <= position), default=0)
        unsafe = self._writes[safe : at + 1]
        how = dice.choice(("first", "any"))
        left = unsafe if how == "first" else [_torn(one, dice) for one in unsafe if dice.random() < 0.5]
        told = f"cut at {position} on {self.system.kind}: {how}, {len(left)} of {len(unsafe)} unflushed writes"
        return Cut(position, (*self._writes[:safe], *left), told)

    @contextmanager
    def revived(self, cut: Cut, folder: Path) -> Iterator[Path]:
        """The file system as the cut left it, mounted: its journal is played, as at the next boot.

        Raises:
            LabError: the file system itself did not survive.
        """
        image = folder / "cut.img"
        descriptor = os.open(image, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            os.ftruncate(descriptor, self.system.size)
            for offset, data in (*self._base, *cut.pieces):
                os.pwrite(descriptor, data, offset)
        finally:
            os.close(descriptor)
        try:
            with mounts.mounted(image, folder / "cut", self.system.kind) as found:
                yield found
        finally:
            image.unlink()


def _torn(piece: Piece, dice: Random) -> Piece:
    """Now and then only its first sectors; never of ext4's superblock, two sectors with one checksum that fsck mends."""
    offset, data = piece
    if dice.random() >= 0.1 or len(data) <= SECTOR or offset < _SUPERBLOCK:
        return piece
    return offset, data[: SECTOR * dice.randrange(1, len(data) // SECTOR)]


class RecordedDisk:
    """A disk that is being recorded, mounted at `place`."""

    def __init__(self, folder: Path, system: FileSystem) -> None:
        """Make the file system; `recorded` mounts it."""
        self.place = folder / "disk"
        self._image, self._log, self._door = folder / "disk.img", folder / "disk.log", folder / "disk.door"
        self._system = system
        with self._image.open("wb") as file:
            file.truncate(system.size)
        command.run([*system.make, str(self._image)])
        self._base = tuple(_pieces(self._image))

    @property
    def position(self) -> int:
        """How much is written down by now."""
        return self._log.stat().st_size

    @contextmanager
    def recorded(self, *, lies: bool = False) -> Iterator[None]:
        """Mount it at `place`; what happens there is written down. A disk that `lies` keeps nothing when it is flushed.

        Raises:
            LabError: there is no FUSE, or no loop device.
        """
        self._door.touch()
        words = [command.PYTHON, "-S", "-m", "tests.lab.recorder", *map(str, (self._image, self._log, self._door))]
        child = subprocess.Popen(
            [*words, *(["--lies"] if lies else [])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=command.environment({"PYTHONPATH": str(Path(__file__).parents[2])}),
        )
        with child:
            if child.stdout is None or child.stdout.readline() != b"ready\n":
                raise LabError("the recorder did not start", hint="modprobe fuse")
            try:
                with mounts.mounted(self._door, self.place, self._system.kind):
                    yield
            finally:
                mounts.unmount(self._door)

    def recording(self) -> Recording:
        """What was written down; the disk itself is given up."""
        found = Recording(self._system, self._base, self._log.read_bytes())
        self._log.unlink()
        self._image.unlink()
        return found


def _pieces(image: Path) -> Iterator[Piece]:
    """What of a file is not zero."""
    empty = bytes(_PIECE)
    with image.open("rb") as file:
        offset = 0
        while data := file.read(_PIECE):
            if data != empty[: len(data)]:
                yield offset, data
            offset += len(data)
