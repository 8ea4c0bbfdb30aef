"""The network: connections that delay, stall, flap, die on one side only; what CURVE and TCP promise, they keep.

Within a connection messages arrive once and in order, or the connection ends and what was under way is lost: that is
what TCP and CURVE leave of loss and duplication (a lost segment is a delay, a repeated one is dropped). What an attacker
with the centre's keys can do beyond that is thief.py's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from tests.sim.agenda import Agenda, Dice

PING = 35.0
"""Seconds after which a host notices that nothing comes through (wire/link.py: PING_MS and PING_TIMEOUT_MS)."""
FORGET = 45.0
"""Seconds after which the centre notices (PING_TTL_MS)."""
PATIENCE = 20.0
Frames = tuple[bytes, ...]


class End(Protocol):
    """Who is at one end."""

    def arrived(self, line: Line, frames: Frames) -> None:
        """A message came through."""

    def ended(self, line: Line) -> None:
        """The connection is over, as far as this end can tell."""


@dataclass
class Way:
    """One direction of one host's line to the centre, whatever connection is on it."""

    is_open: bool = True
    waiting: list[Callable[[], None]] = field(default_factory=list)


class Line:
    """One connection. `host` dialled it."""

    def __init__(self, road: Road, *, peer: bytes, host: End, centre: End) -> None:
        """Both ends are up."""
        self.road = road
        self.peer = peer
        self._ends = {"host": host, "centre": centre}
        self._alive = {"host": True, "centre": True}
        self._last = dict.fromkeys(self._ends, road.agenda.now)  # when the newest message towards that end arrives

    def is_up(self, side: str) -> bool:
        """Whether that end believes in the connection."""
        return self._alive[side]

    def send(self, to: str, frames: Frames) -> None:
        """Say something to the other end."""
        self._carry(to, lambda: self._arrive(to, frames))

    def close(self, side: str, *, silently: bool = False) -> None:
        """An end hangs up, or is gone without a word."""
        if not self._alive[side]:
            return
        self._alive[side] = False
        other = "centre" if side == "host" else "host"
        if silently:
            self.road.agenda.after(FORGET if other == "centre" else PING, lambda: self._lost(other))
        else:
            self._carry(other, lambda: self._lost(other))

    def stalled(self, side: str, since: float) -> None:
        """A ping was not answered: that end gives up, if nothing has come through since."""
        if self.road.broken_since == since and self._alive[side]:
            self.close(side)
            self._ends[side].ended(self)

    def _carry(self, to: str, job: Callable[[], None]) -> None:
        way = self.road.way(to)
        if not way.is_open:
            way.waiting.append(lambda: self._carry(to, job))
            return
        at = max(self.road.agenda.now + self.road.delay(), self._last[to])
        self._last[to] = at
        self.road.agenda.at(at, job)

    def _arrive(self, to: str, frames: Frames) -> None:
        if not self._alive[to]:
            return
        way = self.road.way(to)
        if not way.is_open:
            way.waiting.append(lambda: self._arrive(to, frames))
            return
        self._ends[to].arrived(self, frames)

    def _lost(self, side: str) -> None:
        if self._alive[side]:
            self._alive[side] = False
            self._ends[side].ended(self)


class Road:
    """One host's way to the centre and back."""

    def __init__(self, agenda: Agenda, dice: Dice) -> None:
        """Open, with a delay of its own."""
        self.agenda = agenda
        self._dice = dice
        self._base = dice.between(0.005, 0.3)
        self._ways = {"host": Way(), "centre": Way()}
        self.broken_since: float | None = None
        self.line: Line | None = None  # the connection as the host sees it
        self.mended: Callable[[], None] = lambda: None

    def way(self, to: str) -> Way:
        """The direction towards that end."""
        return self._ways[to]

    @property
    def is_open(self) -> bool:
        """Whether both directions are."""
        return all(way.is_open for way in self._ways.values())

    def delay(self) -> float:
        """Seconds that a message takes now; sometimes a segment is lost and sent again."""
        again = self._dice.between(0.2, 3.0) if self._dice.chance(0.02) else 0.0
        return self._base * self._dice.between(0.5, 1.5) + again

    def cut(self, *, to_host: bool, to_centre: bool) -> None:
        """Nothing comes through any more in these directions."""
        was = self.is_open
        self._ways["host"].is_open &= not to_host
        self._ways["centre"].is_open &= not to_centre
        if was and not self.is_open:
            since = self.broken_since = self.agenda.now
            line = self.line
            if line is not None:
                self.agenda.after(self._dice.between(PING - 15, PING), lambda: line.stalled("host", since))
                if to_centre:
                    self.agenda.after(FORGET, lambda: line.stalled("centre", since))

    def mend(self) -> None:
        """All comes through again, what waited first."""
        if self.is_open:
            return
        self.broken_since = None
        for way in self._ways.values():
            way.is_open = True
            waiting, way.waiting = way.waiting, []
            for job in waiting:
                job()
        self.mended()
