"""What happens when, in virtual time: a heap of jobs. Two at the same moment happen in the order of their planning."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from random import Random

Job = Callable[[], None]


class Dice(Random):
    """Chance as the seed has it; also a `clock.Chance` for whoever ships."""

    def token(self, size: int) -> bytes:
        """Bytes that nobody outside this seed has."""
        return self.randbytes(size)

    def between(self, low: float, high: float) -> float:
        """A number in [low, high)."""
        return self.uniform(low, high)

    def chance(self, probability: float) -> bool:
        """Whether it happens."""
        return self.random() < probability

    def own(self, name: str) -> Dice:
        """Dice for one thing in this world, whatever others roll meanwhile."""
        return Dice(f"{self.random()} {name}")


class Agenda:
    """One world's time."""

    def __init__(self, now: float = 0.0) -> None:
        """The beginning."""
        self.now = now
        self.done = 0
        self._planned: list[tuple[float, int, Job]] = []
        self._count = 0

    def at(self, when: float, job: Job) -> None:
        """Do it then."""
        self._count += 1
        heapq.heappush(self._planned, (max(when, self.now), self._count, job))

    def after(self, seconds: float, job: Job) -> None:
        """Do it in so many seconds."""
        self.at(self.now + seconds, job)

    def run(self, until: float) -> None:
        """Let time pass."""
        while self._planned and self._planned[0][0] <= until:
            self.now, _count, job = heapq.heappop(self._planned)
            self.done += 1
            job()
        self.now = max(self.now, until)
