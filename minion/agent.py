"""The agent: the host's end of the line. It carries frames between the centre and the executor and decides nothing.

Own user, network, no authority. What it is told by the executor (where the centre is) it does; what comes from the
centre it passes on after looking at the number and size of frames.

Refuses to do: verify, keep, or understand anything. It imports no cryptography beyond ZeroMQ's own, and holds no state
that a restart could lose: the executor's session says again what counts.

Invariants:
- one connection at a time; addresses in turn, and each server key that the policy names, so that a lost centre's
  successor is found without a visit;
- after a round of failures a pause that grows and is jittered over its whole length: a fleet never returns in lockstep;
- when the machine's own network changes, the pause ends: a host is back within a second of its line;
- when the executor is gone, so is the connection: the centre must not think that anybody listens.

Called by `orch-minion agent`, which has been given its user by its caller.
"""

from __future__ import annotations

import contextlib
import select
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from orch.common.clock import Chance, Clock
from orch.common.errors import OrchError, SettingsError
from orch.common.events import CONNECTED, DIALLING, DISCONNECTED, PROBLEM, Log
from orch.common.frames import FRAME_LIMIT, MAX_FRAMES
from orch.common.systemd import Notifier
from orch.common.wire import Context, Dial, Event, Keys, Link, Sent, Waiter, public_of
from orch.minion import channel
from orch.minion.adapters.news import NetworkNews
from orch.minion.channel import REFUSED, Agent, Ailing, Channel, Closed, Dialling, Down, HangUp, Received, Send, Up

FIRST_PAUSE: Final = 1.0
LONGEST_PAUSE: Final = 30.0
STEADY: Final = 30.0
"""A connection that lasted this many seconds was a good one; one that did not counts as a failure."""
PATIENCE: Final = 30.0
"""Seconds for one attempt, as a black hole never answers: six round trips of 3 s, and time for lost packets."""
BETWEEN: Final = 0.2
"""Seconds between two attempts of one round."""
KNOCK: Final = 0.5
"""Seconds between two attempts to reach the executor."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What an agent is made of."""

    socket: Path
    secret: bytes  # CURVE
    clock: Clock
    chance: Chance
    log: Log
    notifier: Notifier


class Dialler:
    """Which address and server key to try next, and when. No I/O."""

    def __init__(self, chance: Chance) -> None:
        """Know no address yet."""
        self._chance = chance
        self._choices: list[tuple[str, bytes]] = []
        self._at = 0
        self._failed = 0
        self._pause = FIRST_PAUSE

    def told(self, where: Dialling) -> None:
        """The executor says where the centre is; what is new begins at the front."""
        choices = [(address, server) for server in where.servers for address in where.addresses]
        if choices != self._choices:
            self._choices, self._at, self._failed, self._pause = choices, 0, 0, FIRST_PAUSE

    def forget(self) -> None:
        """The executor is gone: nothing is dialled until one says where again."""
        self._choices = []

    @property
    def ready(self) -> bool:
        """Whether there is anything to try."""
        return bool(self._choices)

    def choice(self) -> tuple[str, bytes]:
        """Address and server key to try now."""
        return self._choices[self._at]

    def failed(self) -> float:
        """No connection came about: the next choice.

        Returns:
            Seconds to wait: little within a round, a jittered and growing pause after one.
        """
        self._at = (self._at + 1) % len(self._choices)
        self._failed += 1
        if self._failed < len(self._choices):
            return self._chance.between(0, 2 * BETWEEN)
        self._failed = 0
        return self._grown()

    def lost(self, lasted: float) -> float:
        """A connection ended: the same choice again, at any moment of the next second if it had been a good one.

        Returns:
            Seconds to wait.
        """
        self._failed = 0
        if lasted >= STEADY:
            self._pause = FIRST_PAUSE
        return self._grown()

    def encouraged(self) -> float:
        """The machine's network has changed: begin anew, at any moment of the next half second.

        Returns:
            Seconds to wait.
        """
        self._pause = FIRST_PAUSE
        return self._chance.between(0, FIRST_PAUSE / 2)

    def _grown(self) -> float:
        pause, self._pause = self._pause, min(LONGEST_PAUSE, self._pause * 2)
        return self._chance.between(0, pause)


def tell_why(socket: Path, err: OrchError) -> None:
    """Before an agent gives up: the executor, where one runs, can tell people on site."""
    with contextlib.suppress(SettingsError, Closed):
        executor = channel.connect(socket)
        try:
            executor.send(Agent())
            executor.finish(Ailing(err.text[:300], err.hint[:300]))
            # It greets an agent with where the centre is, and must find somebody there to take an agent's word.
            select.select([executor.fileno()], [], [], channel.PATIENCE)
        finally:
            executor.close()


class AgentLoop:
    """One agent; `run` ends when `stopping` says so."""

    def __init__(self, parts: Parts, stopping: Callable[[], bool]) -> None:
        """Connect to nothing yet."""
        self._parts = parts
        self._stopping = stopping
        self._context = Context(sockets=16)
        self._keys = Keys(public_of(parts.secret), parts.secret)
        self._dialler = Dialler(parts.chance)
        self._proxy = ""
        self._channel: Channel | None = None
        self._link: Link | None = None
        self._is_up = False
        self._up_since = 0.0
        self._news = NetworkNews()
        self._next_at = 0.0
        self._give_up_at = 0.0
        self._refused_before = False

    def run(self) -> None:
        """Serve until told to stop."""
        try:
            while not self._stopping():
                self._parts.notifier.alive()
                if self._channel is None and not self._knock():
                    self._pause(KNOCK)
                    continue
                try:
                    self._dial_if_due()
                    self._turn()
                except Closed:
                    self._drop_executor()
        finally:
            self._drop_executor()
            self._news.close()
            self._context.close()

    def _pause(self, seconds: float) -> None:
        Waiter().wait(seconds)

    def _knock(self) -> bool:
        try:
            self._channel = channel.connect(self._parts.socket)
            self._channel.send(Agent())
        except SettingsError as err:
            if not self._refused_before:
                self._parts.log.write(PROBLEM, code=err.code, text=err.text, hint=err.hint)
            self._refused_before = True
            return False
        except Closed:
            self._drop_executor()
            return False
        self._refused_before = False
        # Not when the centre answers: a host without a line is ready, too.
        self._parts.notifier.ready()
        self._parts.notifier.status("the executor is here; no connection yet")
        return True

    def _dial_if_due(self) -> None:
        now = self._parts.clock.boottime()
        if self._link is not None or not self._dialler.ready or now < self._next_at:
            return
        address, server = self._dialler.choice()
        self._parts.log.write(DIALLING, address=address)
        self._give_up_at = now + PATIENCE
        try:
            self._link = Link(self._context, Dial(address=address, server=server, keys=self._keys, proxy=self._proxy))
        except OrchError as err:
            self._ended(err.text)

    def _turn(self) -> None:
        """Wait for one of both sides, and serve it."""
        waiter = Waiter()
        open_channel, link = self._channel, self._link
        if open_channel is None:
            return
        waiter.add(open_channel.fileno())
        waiter.add(self._news.fileno())
        if link is not None:
            waiter.add(link)
        waiter.wait(0.02 if open_channel.waits_to_write else self._patience())
        if self._news.heard() and self._link is None and self._dialler.ready:
            self._next_at = min(self._next_at, self._parts.clock.boottime() + self._dialler.encouraged())
        self._from_executor(open_channel)
        if self._link is not None and self._link is link:
            self._from_centre(open_channel, link)

    def _patience(self) -> float:
        now = self._parts.clock.boottime()
        if self._link is None:
            return max(0.0, min(self._next_at - now, 5.0)) if self._dialler.ready else 5.0
        return 5.0 if self._is_up else max(0.0, min(self._give_up_at - now, 5.0))

    def _from_executor(self, executor: Channel) -> None:
        executor.flush()
        for word in executor.receive():
            match word:
                case Dialling():
                    self._proxy = word.proxy
                    self._dialler.told(word)
                case Send(frames=frames):
                    self._send(frames)
                case HangUp(reason=reason):
                    self._ended(reason)
                case _:
                    raise Closed(f"an executor does not say {word.TAG}")

    def _send(self, frames: tuple[bytes, ...]) -> None:
        if self._link is None or not self._is_up:
            return  # said into a line that has just ended: the session says it again on the next
        if self._link.send(frames) is not Sent.YES:
            self._ended("the line takes no more")

    def _from_centre(self, executor: Channel, link: Link) -> None:
        ended = ""
        for event in link.events():
            if event is Event.UP:
                self._up(executor)
            else:
                ended = REFUSED if event is Event.REFUSED else link.trouble or "the line is down"
        for frames in link.receive():
            if len(frames) > MAX_FRAMES or any(len(frame) > FRAME_LIMIT for frame in frames):
                ended = "the centre sent a message that is too large"
                break
            executor.send(Received(frames))
        if not ended and not self._is_up and self._parts.clock.boottime() >= self._give_up_at:
            ended = "no answer"
        if ended:
            self._ended(ended)

    def _up(self, executor: Channel) -> None:
        address, _server = self._dialler.choice()
        self._is_up, self._up_since = True, self._parts.clock.boottime()
        self._parts.log.write(CONNECTED, address=address)
        self._parts.notifier.status(f"connected to {address}")
        executor.send(Up(address))

    def _ended(self, reason: str) -> None:
        """The connection is over, or never came about: close it, say so, and settle when to try again."""
        if self._link is not None:
            self._link.close()
        was_up, self._is_up, self._link = self._is_up, False, None
        now = self._parts.clock.boottime()
        pause = self._dialler.lost(now - self._up_since) if was_up else self._dialler.failed()
        self._next_at = now + pause
        self._parts.log.write(DISCONNECTED, reason=reason, retry=f"{pause:.1f}")
        self._parts.notifier.status(f"no connection: {reason}")
        if self._channel is not None:
            self._channel.send(Down(reason))

    def _drop_executor(self) -> None:
        if self._link is not None:
            self._link.close()
        self._link, self._is_up = None, False
        if self._channel is not None:
            self._channel.close()
        self._channel = None
        self._dialler.forget()
