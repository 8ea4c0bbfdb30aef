"""What lives on a disk while the disk is recorded, and comes back after the power went (powercut.py)."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from tests.lab.recording import RecordedDisk


class Life(Protocol):
    """One kind of program and its files. It notes what it claims, and how much was written down by then."""

    begins: int  # the position after which cuts may fall

    def live(self, disk: RecordedDisk) -> None:
        """Work on a disk that is mounted and recorded."""

    def come_back(self, place: Path, position: int) -> None:
        """The power went at this position, and this is what was left.

        Raises:
            AssertionError: something that was claimed before is not so.
        """
