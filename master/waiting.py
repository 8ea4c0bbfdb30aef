"""Keys that knocked and wait for an operator's decision. In memory only: who waits knocks again.

Invariants:
- at most `most` keys, one request each, a few KiB a request: strangers cannot fill this machine;
- when it is full, the oldest of the address with the most goes first, so that one address cannot push out all others.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A key that waits; times in seconds since 1970."""

    curve: bytes
    request: bytes  # its identity request's envelope, self-signed
    address: str
    first: int
    last: int


class WaitingRoom:
    """Who waits, oldest first."""

    def __init__(self, most: int) -> None:
        """Nobody waits yet."""
        self._most = most
        self._keys: dict[bytes, Waiting] = {}

    def knock(self, curve: bytes, request: bytes, *, address: str, now: int) -> bool:
        """Somebody asks to be let in; whether it is somebody new."""
        known = self._keys.get(curve)
        if known is not None:
            self._keys[curve] = replace(known, request=request, address=address, last=now)
            return False
        while len(self._keys) >= self._most:
            self._forget_one()
        self._keys[curve] = Waiting(curve=curve, request=request, address=address, first=now, last=now)
        return True

    def find(self, curve: bytes) -> Waiting | None:
        """Who waits with this key."""
        return self._keys.get(curve)

    def remove(self, curve: bytes) -> None:
        """It was decided on."""
        self._keys.pop(curve, None)

    def all(self) -> tuple[Waiting, ...]:
        """Everybody, oldest first."""
        return tuple(self._keys.values())

    def _forget_one(self) -> None:
        crowded, _count = Counter(item.address for item in self._keys.values()).most_common(1)[0]
        del self._keys[next(item.curve for item in self._keys.values() if item.address == crowded)]
