"""The loop of the centre: everything arrives here, is handed to the part that it concerns, and nothing here waits.

One thread drains the socket, drives a session per connection, serves operators, pumps rsync and takes what the workers'
threads have done. What a connection is, its first word decides: Hello a host, StreamOpen a host's rsync, Request an
operator. The key that CURVE proved is the only identity.

Invariants:
- no disk, no database, no waiting in the loop;
- a message that is wrong costs its sender the connection and nobody else anything; an error that is our own is said and
  the loop goes on;
- a key that says more than hosts have to say is kept out for a while (quotas.py);
- connections of keys that nobody has admitted are bounded: the oldest of the busiest address are cut.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from orch.common import events as ev
from orch.common import messages as m
from orch.common import session as s
from orch.common.crowd import Crowd
from orch.common.errors import Malformed, NotAllowed, OrchError, ProtocolError
from orch.common.session import GONE, SILENT, Known
from orch.common.wire import Waiter
from orch.common.wire.centre import Received
from orch.master import intake
from orch.master.adapters.mailbox import Mailbox
from orch.master.centre import Centre
from orch.master.changes import Changes
from orch.master.collector import Collector, Share
from orch.master.desk import Desk, DeskLine
from orch.master.inquiries import Inquiries
from orch.master.lines import Line
from orch.master.plans import Plans
from orch.master.publisher import HostLine
from orch.master.quotas import HELLO, Quotas
from orch.master.roster import Roster
from orch.master.streams import StreamLine, Streams
from orch.master.upkeep import Upkeep

TICK = 1.0
"""Seconds between two looks at what only time brings."""
BATCH = 500
"""Messages taken before the loop looks at everything else again."""
DISMISSALS = 5
"""Addresses of which it is said in a second that visitors were dismissed."""
SOON = 0.05
"""Seconds between two looks while a connection is about to be cut."""

CUT = ev.Event("connection-cut", ("key", "reason"))
DISMISSED = ev.Event("visitors-dismissed", ("address", "reason", "count"))
"""Connections were ended before anybody was known on them."""
HOST_CONNECTED = ev.Event("host-connected", ("host", "address", "epoch", "number"))
HOST_GONE = ev.Event("host-gone", ("host",))
KEY_WAITS = ev.Event("key-waits", ("host", "key", "address"))
UNKNOWN_RELEASE = ev.Event("host-ahead", ("host", "epoch", "number"))
"""A host says that it holds a release that this centre never took in: the database is older than the host."""


class Socket(Protocol):
    """What is used of `wire.CentreSocket` beside sending."""

    def pollable(self) -> list[object]:
        """For the waiter."""

    def receive(self, most: int = 1000) -> list[Received]:
        """Messages that are there."""

    def gone(self) -> list[bytes]:
        """Connections that ended."""

    def weigh(self) -> list[tuple[str, str, int]]:
        """End what sends without an end; whose connections were ended at the door: address, reason, how many."""

    def address(self, peer: bytes) -> str:
        """Where a connection comes from."""

    def revoke(self, keys: frozenset[bytes]) -> None:
        """Keys that get no connection."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ends:
    """Where the loop is woken: the socket, the workers' results, and whatever else it waits for."""

    socket: Socket
    mailbox: Mailbox
    waiter: Waiter


class Hub:
    """The centre's loop."""

    def __init__(self, centre: Centre, ends: Ends) -> None:
        """Wire the parts together; nothing runs before `turn`."""
        self._centre = centre
        self._socket, self._mailbox, self._waiter = ends.socket, ends.mailbox, ends.waiter
        self._strangers: Crowd[bytes] = Crowd(centre.settings.limits.strangers)
        self._tick_at = 0.0
        self._again = TICK
        desk = self._desk = Desk(centre)
        self._plans = Plans(centre, desk)
        self._inquiries = Inquiries(centre, desk)
        share = Share(size=centre.settings.limits.reports << 20, keep=centre.settings.keep.reports)
        self._collector = Collector(centre.roster, centre.store, centre.clock, share)
        changes = Changes(centre, desk, self._collector, self._shut_out)
        desk.handlers = {**changes.handlers(), **self._plans.handlers(), **self._inquiries.handlers()}
        self._streams = Streams(centre, ends.waiter, self._plans.offered)
        self._upkeep = Upkeep(centre, lambda: self._plans.offers() | self._streams.in_use())
        self._quotas = Quotas(centre.clock)
        self._keep_out()
        ends.waiter.add(ends.socket)
        ends.waiter.add(ends.mailbox.descriptor)

    @property
    def roster(self) -> Roster:
        """Who is known here; to look at."""
        return self._centre.roster

    def operations(self) -> frozenset[str]:
        """What operators may ask; the same names as operations.OPERATIONS, as a test makes sure."""
        return frozenset(self._desk.handlers)

    # --- the loop ------------------------------------------------------------------------------------------

    def run(self, stopping: Callable[[], bool]) -> None:
        """Turn until told to stop; a signal that wakes the mailbox is looked at before the next wait."""
        while not stopping():
            self.turn(self.patience())

    def turn(self, seconds: float) -> None:
        """Wait at most so long for something to do, and do it."""
        for thing in self._waiter.wait(seconds):
            if isinstance(thing, int) and thing != self._mailbox.descriptor:
                self._guarded(lambda number=thing: self._streams.ready(number))  # type: ignore[misc]
        for letter in self._mailbox.take():
            self._guarded(letter)
        for found in self._socket.receive(BATCH):
            self._receive(found)
        for peer in self._socket.gone():
            self._gone(peer)
        self._guarded(self._flush)
        self._guarded(self._push)
        self._guarded(self._time)

    def close(self) -> None:
        """End what was started here; the parts themselves are the caller's."""
        self._upkeep.sightings()
        self._streams.close()

    def patience(self) -> float:
        """Seconds until the next turn, if nothing comes before."""
        if self._centre.publisher.busy:
            return 0.0
        now = self._centre.clock.boottime()
        due = min(self._tick_at, self._inquiries.due()) - now
        return max(0.0, min(TICK, due, self._again, SOON if self._centre.lines.any_ending else TICK))

    def _flush(self) -> None:
        self._collector.flush(self._committed, self._not_committed)

    def _push(self) -> None:
        for line, reason in self._centre.publisher.portion():
            self._cut(line, reason)
        self._again = self._desk.pump()

    def _time(self) -> None:
        self._centre.lines.cut_due()
        self._inquiries.tick()
        now = self._centre.clock.boottime()
        if now < self._tick_at:
            return
        self._tick_at = now + TICK
        if self._quotas.tick():
            self._keep_out()
        for address, reason, count in self._socket.weigh()[:DISMISSALS]:
            self._centre.log.write(DISMISSED, address=address, reason=reason, count=count)
        self._plans.tick()
        self._streams.tick()
        self._mark_silent(now)
        self._upkeep.tick()

    def _mark_silent(self, now: float) -> None:
        # Hosts that fell silent within the last two ticks: whoever watches has to see it.
        for curve, host in self._centre.roster.hosts.items():
            silent = now - host.heard_at
            if host.peer and SILENT < silent <= SILENT + 2 * TICK:
                self._centre.roster.mark(curve)
            elif host.peer and silent > GONE and (line := self._centre.lines.find(host.peer)):
                self._cut(line, "silent for too long")

    def _guarded(self, job: Callable[[], None]) -> None:
        try:
            job()
        except OrchError as err:
            self._say(err)
        except Exception as err:  # noqa: BLE001  the daemon's outermost loop: said, and everybody else is served
            self._mistake(err)

    def _say(self, err: OrchError) -> None:
        self._centre.log.write(ev.PROBLEM, code=err.code, text=err.text, hint=err.hint)

    def _mistake(self, err: Exception) -> None:
        trace = err.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        where = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else "?"
        self._centre.log.write(
            ev.PROBLEM, code="mistake", text=f"{type(err).__name__}: {err} ({where})", hint="please report this"
        )

    # --- messages --------------------------------------------------------------------------------------------

    def _receive(self, found: Received) -> None:
        if self._centre.lines.is_ending(found.peer):
            return
        try:
            self._handle(found)
        except (Malformed, ProtocolError, NotAllowed) as err:
            self._cut(self._centre.lines.find(found.peer) or Line(found.peer, found.key), err.text)
        except OrchError as err:
            self._say(err)
        except Exception as err:  # noqa: BLE001  one message must not end the daemon: its sender is cut
            self._mistake(err)
            self._cut(self._centre.lines.find(found.peer) or Line(found.peer, found.key), "mistake")

    def _handle(self, found: Received) -> None:
        message = m.from_frames(found.frames)
        line = self._centre.lines.find(found.peer) or self._first_word(found, message)
        match line:
            case HostLine():
                self._host_said(line, message)
            case DeskLine():
                self._desk.received(line, message)
            case StreamLine() if not isinstance(message, m.StreamOpen):
                self._streams.received(line, message)
            case _:
                return

    def _first_word(self, found: Received, message: m.Message) -> Line:
        match message:
            case m.Hello():
                line: Line = HostLine(found.peer, found.key)
            case m.Request():
                line = DeskLine(found.peer, found.key)
            case m.StreamOpen():
                return self._streams.open(found.peer, found.key, message)
            case _:
                raise ProtocolError(f"{message.TAG} as a first word")
        self._centre.lines.add(line)
        if isinstance(line, HostLine) and self._centre.roster.known(found.key) is not Known.ADMITTED:
            self._limit_strangers(found.peer)
        return line

    def _limit_strangers(self, peer: bytes) -> None:
        self._strangers.add(peer, address=self._socket.address(peer), now=self._centre.clock.boottime())
        for oldest, _address in self._strangers.thin():
            line = self._centre.lines.find(oldest)
            if line is not None and self._centre.roster.known(line.key) is not Known.ADMITTED:
                self._cut(line, "too many strangers")

    def _host_said(self, line: HostLine, message: m.Message) -> None:
        first = isinstance(message, m.Hello)
        if not isinstance(message, m.Reported) and not self._quotas.spend(line.key, HELLO if first else 1):
            self._flooded(line)
            return
        for effect in line.session.received(message, self._centre.roster, self._centre.clock.boottime()):
            self._carry_out(line, effect)
        is_there = self._centre.lines.find(line.peer) is line  # it may have been cut for what it said
        if first and is_there and line.key in self._centre.roster.hosts:
            self._host_came(line)

    def _carry_out(self, line: HostLine, effect: s.CentreEffect) -> None:
        match effect:
            case s.Answer(message=answer):
                self._centre.publisher.say(line, answer)
            case s.Requested(envelope=envelope):
                self._knock(line, envelope)
            case s.StoreReport(sequence=sequence, envelope=envelope):
                self._reported(line, sequence, envelope)
            case s.Heard():
                self._heard(line, effect)
            case s.Relay(message=m.Planned() as planned):
                self._plans.answered(line.key, planned)
            case s.Relay(message=m.Progress() as progress):
                self._centre.roster.progress(line.key, f"{progress.step}/{progress.steps} {progress.text}"[:300])
            case s.Cut(reason=reason):
                self._cut(line, reason)
            case _:
                raise AssertionError(f"a session does not ask for {effect}")

    def _heard(self, line: HostLine, heard: s.Heard) -> None:
        running = (heard.epoch, heard.number, heard.release)
        if self._centre.roster.heard(line.key, policy_=heard.policy, scope=heard.scope, running=running):
            host = self._centre.roster.hosts[line.key].admission.host
            self._centre.log.write(UNKNOWN_RELEASE, host=host, epoch=heard.epoch, number=heard.number)

    def _host_came(self, line: HostLine) -> None:
        before = self._centre.roster.connected(line.key, line.peer)
        if before and (older := self._centre.lines.find(before)):
            self._cut(older, "the same key connected anew")
        host = self._centre.roster.hosts[line.key]
        self._centre.log.write(
            HOST_CONNECTED,
            host=host.admission.host,
            address=self._socket.address(line.peer),
            epoch=host.running[0],
            number=host.running[1],
        )

    def _knock(self, line: HostLine, envelope: bytes) -> None:
        roster = self._centre.roster
        if not envelope:
            return
        try:
            request = intake.take_request(envelope, curve=line.key, policy=roster.policy)
        except OrchError as err:
            # It is told "pending" like everybody, and not kept.
            self._centre.log.write(ev.REFUSED, what="identity-request", code=err.code, text=err.text)
            return
        address = self._socket.address(line.peer)
        if roster.waiting.knock(line.key, envelope, address=address, now=self._centre.clock.wall()):
            self._centre.log.write(KEY_WAITS, host=request.host, key=line.key, address=address)

    def _reported(self, line: HostLine, sequence: int, envelope: bytes) -> None:
        # What is taken is bounded by its bytes; what is not taken is a word like all others.
        if not self._collector.take(line, sequence, envelope) and not self._quotas.spend(line.key):
            self._flooded(line)

    def _flooded(self, line: HostLine) -> None:
        self._keep_out()
        self._cut(line, "more words than a host has to say")

    def _keep_out(self) -> None:
        self._socket.revoke(self._centre.roster.revoked() | self._quotas.kept_out)

    # --- the store's word ----------------------------------------------------------------------------------------

    def _committed(self, curve: bytes, sequence: int) -> None:
        host = self._centre.roster.hosts.get(curve)
        line = self._centre.lines.find(host.peer) if host and host.peer else None
        if isinstance(line, HostLine):
            for effect in line.session.committed(sequence):
                self._carry_out(line, effect)

    def _not_committed(self, err: OrchError, anew: frozenset[bytes]) -> None:
        self._say(err)
        for line in self._centre.lines.of_kind(HostLine):
            if line.key in anew:
                self._cut(line, "a report could not be kept")

    # --- ends ------------------------------------------------------------------------------------------------------

    def _cut(self, line: Line, reason: str) -> None:
        self._centre.log.write(CUT, key=line.key, reason=reason)
        self._centre.lines.end(line.peer)
        self._left(line.peer)

    def _gone(self, peer: bytes) -> None:
        self._centre.lines.gone(peer)
        self._left(peer)

    def _left(self, peer: bytes) -> None:
        """Whoever was on this connection is not there any more."""
        self._strangers.remove(peer)
        line = self._centre.lines.remove(peer)
        match line:
            case HostLine():
                self._host_left(line)
            case DeskLine():
                self._desk.gone(line)
                self._centre.disk.ask(lambda: self._centre.blobs.forget(peer), lambda _nothing: None, self._say)
            case StreamLine():
                self._streams.gone(line)
            case _:
                return

    def _host_left(self, line: HostLine) -> None:
        host = self._centre.roster.hosts.get(line.key)
        if host is None or host.peer != line.peer:
            return
        self._centre.roster.disconnected(line.key, line.peer)
        self._plans.gone(line.key)
        self._centre.log.write(HOST_GONE, host=host.admission.host)

    def _shut_out(self, key: bytes, reason: str) -> None:
        """End all connections of a key; a revoked one makes no new ones."""
        self._keep_out()
        self._collector.forget(key)
        self._plans.gone(key)
        now = self._centre.clock.boottime()
        for line in self._centre.lines.of_key(key):
            if isinstance(line, HostLine):
                for effect in line.session.changed(self._centre.roster, now):
                    self._carry_out(line, effect)
            if self._centre.lines.find(line.peer) is not None:
                self._cut(line, reason)
