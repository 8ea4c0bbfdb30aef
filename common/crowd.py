"""Those who came and of whom nothing is known yet, counted by where they come from, with a bound on all of them.

Where there are too many, the oldest of the address with the most has to go: an address that sends thousands pushes out
its own, and somebody alone at another address stays. A bound for each address would do the same and hurt a site whose
hosts share one. Of IPv6, whoever has one address has 2^64 of them, so the first half of it counts.

No I/O. Used for connections that have said nothing (wire/centre.py) and for those of strangers (master/hub.py).
"""

from __future__ import annotations

from ipaddress import IPv6Network
from typing import Generic, TypeVar

K = TypeVar("K")


class Crowd(Generic[K]):
    """Who is here, and since when."""

    def __init__(self, most: int) -> None:
        """Nobody is here yet; more than `most` never stay."""
        self._most = most
        self._places: dict[str, dict[K, None]] = {}
        self._who: dict[K, tuple[str, float]] = {}

    def __len__(self) -> int:
        """How many are here."""
        return len(self._who)

    def __contains__(self, who: K) -> bool:
        """Whether somebody is here."""
        return who in self._who

    def add(self, who: K, *, address: str, now: float) -> None:
        """Somebody comes."""
        self.remove(who)
        self._who[who] = (address, now)
        self._places.setdefault(_place(address), {})[who] = None

    def thin(self, times: int = 1) -> list[tuple[K, str]]:
        """Those who have to go where there are more than so many times what may be; they are forgotten here."""
        gone = []
        while len(self._who) > self._most * times:
            crowded = max(self._places, key=lambda place: len(self._places[place]))
            oldest = next(iter(self._places[crowded]))
            gone.append((oldest, self._who[oldest][0]))
            self.remove(oldest)
        return gone

    def remove(self, who: K) -> None:
        """Somebody left, or is known now."""
        found = self._who.pop(who, None)
        if found is None:
            return
        place = _place(found[0])
        del self._places[place][who]
        if not self._places[place]:
            del self._places[place]

    def came_before(self, when: float) -> list[tuple[K, str]]:
        """Who has been here since before then, oldest first, with the address."""
        found = []
        for who, (address, since) in self._who.items():
            if since >= when:
                break
            found.append((who, address))
        return found


def _place(address: str) -> str:
    if ":" not in address:
        return address
    try:
        return str(IPv6Network((address.partition("%")[0], 64), strict=False))
    except ValueError:
        return address
