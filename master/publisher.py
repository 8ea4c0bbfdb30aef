"""Brings what is new to hosts: answers what they ask, and pushes to every open connection at once.

A push is no more than an early answer: `CentreSession.changed` says what the host lacks, as it would be told at its
next ask. So a push that is lost is no loss.

Invariants:
- a host whose queue is full loses its connection instead of its messages: it comes back and is told everything;
- pushing to many hosts is cut into portions, so that the loop goes on listening meanwhile.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from orch.common import messages as m
from orch.common import session as s
from orch.common.clock import Clock
from orch.common.wire import Sent
from orch.master.lines import Line, Lines
from orch.master.roster import Roster

PORTION = 200
"""Hosts that are pushed to before the loop looks at its sockets again: about 20 ms."""


class HostLine(Line):
    """A host's connection."""

    def __init__(self, peer: bytes, key: bytes) -> None:
        """Nothing was heard yet."""
        super().__init__(peer, key)
        self.session = s.CentreSession(key)
        self.reported = False  # whether a report came on this connection (collector.py)


class Publisher:
    """Sends to hosts."""

    def __init__(self, lines: Lines, roster: Roster, clock: Clock) -> None:
        """Nobody has to be told anything yet."""
        self._lines = lines
        self._roster = roster
        self._clock = clock
        self._waiting: deque[bytes] = deque()

    def say(self, line: HostLine, message: m.Message) -> bool:
        """Send to a host; whether it is on its way."""
        sent = self._lines.send(line.peer, message)
        if sent is Sent.FULL:
            self._lines.end(line.peer)
        return sent is Sent.YES

    def push(self, curves: Iterable[bytes]) -> int:
        """Something changed for these hosts: tell those that are connected, soon. How many that are."""
        peers = [host.peer for curve in curves if (host := self._roster.hosts.get(curve)) and host.peer]
        self._waiting.extend(peers)
        return len(peers)

    def push_all(self) -> None:
        """Something changed for everybody."""
        self._waiting.extend(line.peer for line in self._lines.of_kind(HostLine))

    def push_line(self, line: HostLine) -> None:
        """Something changed for the key of one connection, which the roster may not count as a host."""
        self._waiting.append(line.peer)

    @property
    def busy(self) -> bool:
        """Whether somebody has still to be told."""
        return bool(self._waiting)

    def portion(self) -> list[tuple[HostLine, str]]:
        """Tell the next few; returns connections that must be cut, with the reason."""
        cuts: list[tuple[HostLine, str]] = []
        now = self._clock.boottime()
        for _ in range(min(PORTION, len(self._waiting))):
            line = self._lines.find(self._waiting.popleft())
            if not isinstance(line, HostLine):
                continue  # it hung up meanwhile
            for effect in line.session.changed(self._roster, now):
                reason = self._carry_out(line, effect)
                if reason:
                    cuts.append((line, reason))
        return cuts

    def _carry_out(self, line: HostLine, effect: object) -> str:
        match effect:
            case s.Answer(message=message):
                self.say(line, message)
            case s.Cut(reason=reason):
                return reason
            case _:
                raise AssertionError(f"a push does not lead to {effect}")
        return ""
