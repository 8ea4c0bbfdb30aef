"""A clock and a chance that do as the test says."""

from __future__ import annotations


class ManualClock:
    """Stands still until it is told otherwise."""

    def __init__(self, wall: int = 1_800_000_000, boottime: float = 1000.0) -> None:
        self._wall = wall
        self._boottime = boottime

    def wall(self) -> int:
        return self._wall

    def boottime(self) -> float:
        return self._boottime

    def advance(self, seconds: float) -> None:
        """Let time pass as on a machine with a good clock."""
        self._wall += int(seconds)
        self._boottime += seconds

    def set_wall(self, wall: int) -> None:
        """Let somebody set the machine's clock."""
        self._wall = wall


class CountingChance:
    """Tokens that differ and can be foreseen; the middle of every range."""

    def __init__(self) -> None:
        self._count = 0

    def token(self, size: int) -> bytes:
        self._count += 1
        return self._count.to_bytes(size, "big")

    def between(self, low: float, high: float) -> float:
        return (low + high) / 2
