"""How many words a key may say: a host that is in somebody else's hands floods the centre and nobody else notices.

A key has BURST words, and gets RATE of them back each second; a new connection costs HELLO of them, as a handshake is
what costs the centre most. Reports that are taken do not count: the collector bounds them by their bytes. Streams do
not either: there, a word is allowed only for a piece that was (transfer.py). Whoever spends more is cut, and kept out
by the gatekeeper for PENALTY seconds.

No I/O. Called by the hub.
"""

from __future__ import annotations

from dataclasses import dataclass

from orch.common.clock import Clock

RATE = 50.0
BURST = 3000.0
"""A host that makes two thousand quick steps at once tells of each."""
HELLO = 25.0
PENALTY = 60.0


@dataclass(slots=True)
class _Purse:
    """What a key may still say."""

    left: float
    at: float


class Quotas:
    """All keys that have said something lately."""

    def __init__(self, clock: Clock) -> None:
        """Nobody has said anything."""
        self._clock = clock
        self._purses: dict[bytes, _Purse] = {}
        self._kept_out: dict[bytes, float] = {}

    def spend(self, key: bytes, words: float = 1.0) -> bool:
        """A key says something; whether it may. If not, it is kept out from now on."""
        now = self._clock.boottime()
        purse = self._purses.setdefault(key, _Purse(BURST, now))
        purse.left, purse.at = min(BURST, purse.left + RATE * (now - purse.at)) - words, now
        if purse.left >= 0:
            return True
        del self._purses[key]
        self._kept_out[key] = now + PENALTY
        return False

    @property
    def kept_out(self) -> frozenset[bytes]:
        """Keys that get no connection now."""
        return frozenset(self._kept_out)

    def tick(self) -> bool:
        """Forget who has been quiet; whether somebody may come again."""
        now = self._clock.boottime()
        for key in [key for key, purse in self._purses.items() if purse.left + RATE * (now - purse.at) >= BURST]:
            del self._purses[key]
        over = [key for key, until in self._kept_out.items() if until <= now]
        for key in over:
            del self._kept_out[key]
        return bool(over)
