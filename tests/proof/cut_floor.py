"""The floor and a file beside it, written again and again: the densest succession of durable steps that a host has.

The floor alone would hide a folder that is not synced: the second slot's own fsync brings the first one's name to the
disk. A single file, as admission and policy are, hides nothing.
"""

from __future__ import annotations

from pathlib import Path

from orch.common.standing import Floor
from orch.minion.adapters import files
from orch.minion.adapters.disk import REAL, Disk
from orch.minion.floor import FloorFile
from tests.fakes.log import ListLog
from tests.lab.recording import RecordedDisk

STEPS = 60
_FILE = "admission"


class FloorLife:
    """`calls` are how it reaches the disk: a test takes one of them away, to see that this is found out."""

    def __init__(self, calls: Disk = REAL) -> None:
        """Nothing is raised yet."""
        self.begins = 0
        self._calls = calls
        self._claims: list[tuple[int, int]] = []

    def live(self, disk: RecordedDisk) -> None:
        """Write them a number of times."""
        floor = FloorFile(disk.place, ListLog(), self._calls)
        floor.lay(_floor(0))
        files.write(disk.place / _FILE, _content(0), disk=self._calls)
        self.begins = disk.position
        for number in range(1, STEPS):
            floor.write(_floor(number))
            files.write(disk.place / _FILE, _content(number), disk=self._calls)
            self._claims.append((disk.position, number))

    def come_back(self, place: Path, position: int) -> None:
        """What was promised is there, and nothing is half written."""
        claimed = max((number for at, number in self._claims if at <= position), default=0)
        log = ListLog()
        found = FloorFile(place, log).load().number
        if not claimed <= found <= claimed + 1:
            raise AssertionError(f"the floor is {found}, and {claimed} was promised")
        if log.lines:
            raise AssertionError(f"a slot was half written: {log.lines}")
        data = files.read(place / _FILE, limit=1 << 20)
        if data not in (_content(claimed), _content(claimed + 1)):
            raise AssertionError(f"the file is not what it was or shall be, and {claimed} was promised")


def _floor(number: int) -> Floor:
    return Floor(scope="main", epoch=1, number=number, signed_time=number)


def _content(number: int) -> bytes:
    """More than a block, and some sectors of the next."""
    return b"%d\n" % number * 1500
