"""The open connections of the centre: who is on them, sending, and the polite way to end one.

Invariants:
- nothing blocks: a peer whose queue is full is told so to the caller, who decides;
- what was said last before a cut is given a moment to arrive; nothing that comes from the peer counts any more then.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Protocol, TypeVar, cast

from orch.common import messages as m
from orch.common.clock import Clock
from orch.common.wire import Sendable, Sent, Shared

GRACE = 0.5
"""Seconds between the last word to a peer and the cut."""
_SHARED = 16
L = TypeVar("L", bound="Line")


class Door(Protocol):
    """What is used of `wire.CentreSocket`."""

    def send(self, peer: bytes, frames: Sequence[Sendable]) -> Sent:
        """Send without waiting."""

    def cut(self, peer: bytes) -> None:
        """End a connection now."""


class Line:
    """One connection: the peer's number in this run, and the key that CURVE proved."""

    def __init__(self, peer: bytes, key: bytes) -> None:
        """A connection that just said its first word."""
        self.peer = peer
        self.key = key


class Lines:
    """All open connections that have said something."""

    def __init__(self, door: Door, clock: Clock) -> None:
        """None yet."""
        self._door = door
        self._clock = clock
        self._open: dict[bytes, Line] = {}
        self._kinds: dict[type[Line], dict[bytes, Line]] = {}
        self._keys: dict[bytes, dict[bytes, Line]] = {}
        self._ending: dict[bytes, float] = {}
        self._shared: OrderedDict[bytes, Shared] = OrderedDict()

    def add(self, line: Line) -> None:
        """A connection said its first word."""
        self._open[line.peer] = line
        self._kinds.setdefault(type(line), {})[line.peer] = line
        self._keys.setdefault(line.key, {})[line.peer] = line

    def find(self, peer: bytes) -> Line | None:
        """The connection with that number."""
        return self._open.get(peer)

    def of_kind(self, kind: type[L]) -> list[L]:
        """All connections of one kind."""
        return cast("list[L]", list(self._kinds.get(kind, {}).values()))

    def of_key(self, key: bytes) -> list[Line]:
        """All connections of one key."""
        return list(self._keys.get(key, {}).values())

    def is_ending(self, peer: bytes) -> bool:
        """Whether the connection is being cut: nothing it says counts."""
        return peer in self._ending

    def remove(self, peer: bytes) -> Line | None:
        """A connection is gone, or is treated as gone; whose it was."""
        line = self._open.pop(peer, None)
        if line is not None:
            del self._kinds[type(line)][peer]
            del self._keys[line.key][peer]
            if not self._keys[line.key]:
                del self._keys[line.key]
        return line

    def gone(self, peer: bytes) -> None:
        """The network says that a connection has ended."""
        self._ending.pop(peer, None)

    def send(self, peer: bytes, message: m.Message) -> Sent:
        """Send a message without waiting. What goes to many is kept once (measured.md section 1)."""
        parts = m.to_frames(message)
        frames: list[Sendable] = [*parts]
        if isinstance(message, m.Delivered | m.PolicySent):
            frames[1] = self._once(parts[1])
        return self._door.send(peer, frames)

    def end(self, peer: bytes) -> None:
        """Cut a connection after a moment, so that the last word arrives."""
        self._ending.setdefault(peer, self._clock.boottime() + GRACE)

    def cut_due(self) -> None:
        """Cut those whose moment has passed."""
        now = self._clock.boottime()
        for peer in [peer for peer, at in self._ending.items() if at <= now]:
            del self._ending[peer]
            self._door.cut(peer)

    @property
    def any_ending(self) -> bool:
        """Whether `cut_due` will have something to do."""
        return bool(self._ending)

    def _once(self, data: bytes) -> Shared:
        found = self._shared.get(data)
        if found is None:
            found = self._shared[data] = Shared(data)
            if len(self._shared) > _SHARED:
                self._shared.popitem(last=False)
        return found
