"""Time and chance as arguments: nothing else in orch reads a clock or rolls a die.

Callers take a `Clock` and are handed `SystemClock` by their `__main__`, or a manual one by a test
(trio's idea: a week of retries is tested in milliseconds).
"""

from __future__ import annotations

import os
import random  # noqa: TID251  the one place
import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What the time is, in the three senses that matter here."""

    def wall(self) -> int:
        """Seconds since 1970 as this machine believes; may jump, may be wrong by years."""

    def boottime(self) -> float:
        """Seconds since boot, never jumping, counting suspended time (CLOCK_BOOTTIME)."""


class Chance(Protocol):
    """Where unpredictable values come from."""

    def token(self, size: int) -> bytes:
        """`size` bytes fit for nonces and identifiers."""

    def between(self, low: float, high: float) -> float:
        """A number in [low, high), for jitter only."""


class SystemClock:
    """The machine's own clock."""

    def wall(self) -> int:
        """Seconds since 1970."""
        return int(time.time())  # noqa: TID251  the one place

    def boottime(self) -> float:
        """Seconds since boot."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)


class SystemChance:
    """The machine's own randomness."""

    def token(self, size: int) -> bytes:
        """Bytes from the kernel."""
        return os.urandom(size)

    def between(self, low: float, high: float) -> float:
        """Jitter; not for secrets."""
        return random.uniform(low, high)  # noqa: S311  jitter, not a secret


def rfc3339(wall: int) -> str:
    """A time for machines, UTC, e.g. `2026-11-22T21:04:05Z` (RFC 3339)."""
    return datetime.fromtimestamp(wall, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def ago(seconds: float) -> str:
    """A span for people: `4 s`, `12 min`, `3 h 5 min`, `6 d 4 h`."""
    whole = max(0, int(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min"
    if whole < 86400:
        hours, rest = divmod(whole, 3600)
        return f"{hours} h {rest // 60} min" if rest >= 60 else f"{hours} h"
    days, rest = divmod(whole, 86400)
    return f"{days} d {rest // 3600} h" if rest >= 3600 else f"{days} d"
