"""The centre: `master/assembly.py` as it ships, on a simulated socket and simulated threads.

Store, intake, hub and all are real, the database is SQLite in a folder. A kill drops everything that was not committed;
work beside the loop takes virtual time, so a kill comes between any two of: asked, done, told.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TypeVar

from orch.common.wire import Sendable, Sent
from orch.common.wire.centre import Received
from orch.master.adapters.mailbox import Fail, Mailbox, Then, Works, outcome
from orch.master.assembly import Assembly, Gate
from orch.master.directory import Directory, open_directory
from orch.master.hub import Hub
from orch.master.records import NewReport
from orch.master.store import Store
from tests.fakes.log import ListLog
from tests.sim.agenda import Agenda, Dice
from tests.sim.clock import SimClock
from tests.sim.line import Frames, Line

T = TypeVar("T")
SOON = 0.004
TICK = 1.0
QUIET = 6 * 3600.0
"""Seconds between two looks of a centre to which nobody speaks for days."""
HURRY = 0.06


class SimWorks:
    """Work beside the loop, in order, each piece after a while."""

    def __init__(self, centre: SimCentre, mailbox: Mailbox) -> None:
        """Idle, for this run of the centre."""
        self._centre, self._mailbox = centre, mailbox
        self._run = centre.run
        self._free = centre.agenda.now

    def ask(self, job: Callable[[], T], then: Then[T], fail: Fail) -> None:
        agenda = self._centre.agenda
        if self._run != self._centre.run:
            return
        self._free = max(agenda.now, self._free) + self._centre.dice.between(0.001, 0.05)
        agenda.at(self._free, lambda: self._do(job, then, fail))

    def _do(self, job: Callable[[], T], then: Then[T], fail: Fail) -> None:
        if self._run != self._centre.run or self._centre.reached():
            return
        letter = outcome(job, then, fail)
        if self._centre.reached():
            return
        self._mailbox.post(letter)
        self._centre.wake()

    def close(self) -> None:
        """A kill takes what was not done; an orderly end is not simulated."""


class SimGate:
    """The socket at which everybody arrives."""

    def __init__(self, centre: SimCentre) -> None:
        """Nobody is here."""
        self._centre = centre
        self.lines: dict[bytes, Line] = {}
        self.keys: dict[bytes, bytes] = {}
        self._in: list[Received] = []
        self._gone: list[bytes] = []
        self.revoked: frozenset[bytes] = frozenset()
        self.endpoint = "tcp://centre:4505"

    def bind(self, address: str) -> None:
        del address

    def revoke(self, keys: frozenset[bytes]) -> None:
        self.revoked = keys

    def pollable(self) -> list[object]:
        return []

    def receive(self, most: int = 1000) -> list[Received]:
        found, self._in = self._in[:most], self._in[most:]
        if self._in:
            self._centre.wake()
        return found

    def gone(self) -> list[bytes]:
        found, self._gone = self._gone, []
        return found

    def weigh(self) -> list[tuple[str, str, int]]:
        return []

    def address(self, peer: bytes) -> str:
        del peer
        return "10.0.0.1"

    def send(self, peer: bytes, frames: Sequence[Sendable]) -> Sent:
        line = self.lines.get(peer)
        if line is None:
            return Sent.GONE
        parts = tuple(item if isinstance(item, bytes) else bytes(item.frame.bytes) for item in frames)
        line.send("host", parts)
        return Sent.YES

    def cut(self, peer: bytes) -> None:
        line = self.lines.pop(peer, None)
        if line is not None:
            line.close("centre")

    def take(self, line: Line, frames: Frames) -> None:
        """A message arrived."""
        if line.peer in self.lines:
            self._centre.note(self.keys[line.peer], frames)
            self._in.append(Received(line.peer, self.keys[line.peer], frames))
            self._centre.wake()

    def lose(self, line: Line) -> None:
        """A connection ended."""
        if self.lines.pop(line.peer, None) is not None:
            self._gone.append(line.peer)
            self._centre.wake()


class EarlyStore(Store):
    """A fault: it says at once that reports are committed, and commits three batches together."""

    def put_reports(self, reports: Sequence[NewReport], keep: int, then: Then[None], fail: Fail) -> None:
        self._mailbox.post(lambda: then(None))
        held: list[NewReport] = self.__dict__.setdefault("held", [])
        held.extend(reports)
        if len(held) > 3:
            super().put_reports(tuple(held), keep, lambda _nothing: None, fail)
            held.clear()


class SimCentre:
    """One centre; runs, is killed, runs again."""

    def __init__(self, folder: Path, agenda: Agenda, dice: Dice) -> None:
        """Founded, and not running."""
        self.folder, self.agenda, self.dice = folder, agenda, dice
        self.clock = SimClock(agenda)
        self.run = 0
        self.hub: Hub | None = None
        self.gate: SimGate | None = None
        self.log = ListLog()
        self.again = 0  # messages with something attached (reports) that a host had sent before, word for word
        self._heard: set[int] = set()
        self.makes_store: type[Store] = Store
        self.came_up: Callable[[], None] = lambda: None
        self.crashed: Callable[[], None] = lambda: None
        self.is_quiet = False
        self._doom = 0  # durable steps until it is killed; 0: never
        self._turn_at = float("inf")
        self._beat = 0
        self._peers = 0

    # --- assembly.Outside ---------------------------------------------------------------------------

    def hire(self, mailbox: Mailbox, name: str) -> Works:
        del name
        return SimWorks(self, mailbox)

    def open_gate(self, stack: ExitStack, secret: bytes) -> Gate:
        del stack, secret
        self.gate = SimGate(self)
        return self.gate

    def store(self, path: Path, mailbox: Mailbox) -> Store:
        return self.makes_store(path, mailbox, self.hire)

    # --- life ---------------------------------------------------------------------------------------

    @property
    def is_up(self) -> bool:
        return self.hub is not None

    def start(self) -> None:
        """Begin to run."""
        if self.hub is not None:
            return
        self.clock.boot()
        self._directory: Directory = open_directory(self.folder)
        self._mailbox = Mailbox()
        self._assembly = Assembly(self._directory, clock=self.clock, log=self.log, mailbox=self._mailbox, outside=self)
        self.hub = self._assembly.__enter__()
        self._tick_on()
        self.came_up()

    def rest(self) -> None:
        """Nobody is there for hours or days."""
        self.is_quiet = True

    def stir(self) -> None:
        """They come back."""
        self.is_quiet = False
        self._tick_on()

    def start_again(self) -> None:
        """Whoever watches over it starts it, if it was killed; if its end was only planned, it comes now."""
        self.kill()
        self.start()

    def kill(self) -> None:
        """Everything in memory is gone, everything under way too."""
        if self.hub is None or self.gate is None:
            return
        self.run += 1
        self._doom = 0
        self.hub = None
        self._turn_at = float("inf")
        lines, self.gate.lines = list(self.gate.lines.values()), {}
        self._assembly.__exit__(None, None, None)
        self._mailbox.close()
        self._directory.close()
        self.gate = None
        for line in lines:
            line.close("centre", silently=self.dice.chance(0.3))
        self.crashed()

    def note(self, key: bytes, frames: Frames) -> None:
        """A message arrived; the same one again is what duplication is above TCP."""
        if len(frames) > 1:
            what = hash((key, frames))
            self.again += what in self._heard
            self._heard.add(what)

    def doom(self, steps: int) -> None:
        """Have it killed after so many durable steps."""
        self._doom = steps

    def reached(self) -> bool:
        """A durable step begins or has ended; whether it was the last of this run."""
        if not self._doom:
            return False
        self._doom -= 1
        if self._doom:
            return False
        self.kill()
        return True

    def wake(self, seconds: float = 0.0) -> None:
        """There is something to do."""
        at = self.agenda.now + max(seconds, SOON)
        if self.hub is not None and at < self._turn_at:
            self._turn_at, run = at, self.run
            self.agenda.at(at, lambda: self._turn(run))

    def _turn(self, run: int) -> None:
        hub = self.hub
        if run == self.run and hub is not None:
            self._turn_at = float("inf")
            hub.turn(0)
            if self.hub is hub and (wait := hub.patience()) < HURRY:
                self.wake(wait)

    def _tick_on(self) -> None:
        self._beat += 1
        self._tick(self.run, self._beat)

    def _tick(self, run: int, beat: int) -> None:
        if (run, beat) == (self.run, self._beat) and self.hub is not None:
            self.wake()
            self.agenda.after(QUIET if self.is_quiet else TICK, lambda: self._tick(run, beat))

    # --- line.End -----------------------------------------------------------------------------------

    def accept(self, line: Line, key: bytes) -> bool:
        """A connection with that proven key; whether it is let through the gate."""
        if self.gate is None or key in self.gate.revoked:
            return False
        self.gate.lines[line.peer] = line
        self.gate.keys[line.peer] = key
        return True

    def peer(self) -> bytes:
        """A number for a connection."""
        self._peers += 1
        return self._peers.to_bytes(5, "big")

    def arrived(self, line: Line, frames: Frames) -> None:
        if self.gate is not None:
            self.gate.take(line, frames)

    def ended(self, line: Line) -> None:
        if self.gate is not None:
            self.gate.lose(line)
