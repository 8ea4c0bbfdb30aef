"""Who is at the centre's door: every TCP connection, by its descriptor, from the moment that it is accepted.

ZeroMQ shows an application only whole messages. What it does not show can be used against the centre: connections that
say nothing, and messages that never end, whose frames ZeroMQ keeps in memory without a bound (ZMQ_MAXMSGSIZE is a
bound for each frame, the high-water mark one for whole messages). Both are bounded here.

Invariants:
- a connection that has said nothing is one of at most `Room.silent`, and ends after `Room.patience`;
- a connection of which more than `Room.unread` bytes came that are no whole message yet ends, and so do the worst of
  all of them where they have more than `Room.unread_all` together.

Called by centre.py, which feeds it with the events of ZeroMQ's monitor.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Final

from orch.common.clock import Clock
from orch.common.crowd import Crowd
from orch.common.wire import kernel

MIB: Final = 1 << 20
WEIGHED: Final = 15.0
"""Seconds between two weighings while this process does not grow."""
GROWN: Final = 16 * MIB
"""Bytes by which this process may grow between two weighings."""
FRAME_COSTS: Final = 64
"""Bytes that CURVE and ZMTP add to a frame, at most."""
MESSAGE_COSTS: Final = 64
PINGS: Final = 8.0
"""Bytes a second that the other side's pings may be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """How much may be taken up by those who have not said a whole message."""

    silent: int = 10_000
    patience: float = 30.0  # seconds; more than the time between two words of a host (session/pace.py)
    unread: int = 32 * MIB  # of one connection: more than its queue and the kernel's buffer hold of allowed messages
    unread_all: int = 256 * MIB


@dataclass(slots=True)
class Connection:
    """One TCP connection."""

    descriptor: int
    address: str
    since: float
    peer: bytes = b""  # what ZeroMQ calls it; empty until it has said something
    taken: int = 0  # bytes of it that were whole messages


class Visitors:
    """All connections."""

    def __init__(self, clock: Clock, room: Room) -> None:
        """Nobody is there yet."""
        self._clock = clock
        self._room = room
        self._at: dict[int, Connection] = {}
        self._peers: dict[bytes, Connection] = {}
        self._silent: Crowd[int] = Crowd(room.silent)
        self._ended: dict[bytes, None] = {}
        # Descriptors that ended and may be somebody else's by now, while words of the one before may still come.
        self._again: set[int] = set()
        self._again_now: set[int] = set()
        self._dismissed: Counter[tuple[str, str]] = Counter()
        self._resident = 0
        self._weigh_at = 0.0

    # --- what ZeroMQ's monitor says -------------------------------------------------------------------------

    def look(self) -> None:
        """Some messages were taken, and the monitor's events since then follow."""
        self._again_now = set()

    def came(self, descriptor: int) -> None:
        """A connection was accepted."""
        now = self._clock.boottime()
        made = self._at[descriptor] = Connection(descriptor, kernel.address(descriptor), now)
        self._silent.add(descriptor, address=made.address, now=now)

    def left(self, descriptor: int) -> None:
        """A connection has ended."""
        self._again.add(descriptor)
        self._again_now.add(descriptor)
        self._silent.remove(descriptor)
        found = self._at.pop(descriptor, None)
        if found is not None and found.peer:
            del self._peers[found.peer]
            self._ended[found.peer] = None

    # --- what the socket says ---------------------------------------------------------------------------------

    def said(self, peer: bytes, descriptor: int, *, frames: int, size: int) -> None:
        """A whole message came."""
        found = self._peers.get(peer)
        if found is None:
            found = self._first(peer, descriptor)
            if found is None:
                return
        elif found.descriptor in self._silent:
            self._silent.remove(found.descriptor)
        found.taken += size + frames * FRAME_COSTS + MESSAGE_COSTS

    def _first(self, peer: bytes, descriptor: int) -> Connection | None:
        found = self._at.get(descriptor)
        if found is None or peer in self._ended:
            self._ended[peer] = None  # its end was seen before its last word
            return None
        if found.peer:  # ended before this look
            del self._peers[found.peer]
            self._ended[found.peer] = None
        elif descriptor not in self._again:
            # Otherwise it may have been said by the one before, and who is there now has to say something itself.
            self._silent.remove(descriptor)
        found.peer = peer
        self._peers[peer] = found
        return found

    def gone(self) -> list[bytes]:
        """Who ended since the last call, each told once."""
        ended, self._ended = list(self._ended), {}
        return ended

    def lost(self, peer: bytes) -> None:
        """Sending shows that somebody is gone."""
        if self.forget(peer) is not None:
            self._ended[peer] = None

    def forget(self, peer: bytes) -> Connection | None:
        """Somebody does not count any more."""
        found = self._peers.pop(peer, None)
        if found is not None:
            self._at.pop(found.descriptor, None)
            self._silent.remove(found.descriptor)
        return found

    def address(self, peer: bytes) -> str:
        """Where somebody comes from; empty where that is not known any more."""
        found = self._peers.get(peer)
        return found.address if found else ""

    # --- bounds ---------------------------------------------------------------------------------------------------

    def thin(self, *, heard_all: bool) -> None:
        """End those who are too many. Whoever has said something that was not heard yet is not to be one of them.

        So there may be twice as many while there is more to hear than is heard at a time.
        """
        for descriptor, address in self._silent.thin(1 if heard_all else 2):
            self._dismiss(self._at[descriptor], address, "too many that say nothing")

    def tidy(self) -> None:
        """End those who have said nothing for too long. To be called when all that was said has been heard."""
        self._again = set(self._again_now)
        for descriptor, address in self._silent.came_before(self._clock.boottime() - self._room.patience):
            self._silent.remove(descriptor)
            self._dismiss(self._at[descriptor], address, "said nothing")

    def weigh(self) -> None:
        """End those who send without an end. Cheap while this process does not grow."""
        now, resident = self._clock.boottime(), kernel.resident()
        self._resident = min(self._resident, resident)
        if now < self._weigh_at and resident < self._resident + GROWN:
            return
        self._weigh_at, self._resident = now + WEIGHED, resident
        weights = [(self._unread(each, now), each) for each in self._at.values()]
        total = sum(weight for weight, _each in weights)
        for weight, each in sorted(weights, key=lambda item: item[0], reverse=True):
            if weight <= self._room.unread and total <= self._room.unread_all:
                return
            total -= weight
            each.taken += weight  # counted once
            self._dismiss(each, each.address, "sends without an end")

    def _unread(self, each: Connection, now: float) -> int:
        return max(0, kernel.received(each.descriptor) - each.taken - int(PINGS * (now - each.since)))

    def _dismiss(self, each: Connection, address: str, reason: str) -> None:
        # Its end is told by the monitor, as that of everybody.
        kernel.hang_up(each.descriptor)
        self._dismissed[(address, reason)] += 1

    def dismissed(self) -> list[tuple[str, str, int]]:
        """Addresses whose connections were ended here since the last call, why, and how many; the most first."""
        found = [(address, reason, count) for (address, reason), count in self._dismissed.most_common()]
        self._dismissed.clear()
        return found
