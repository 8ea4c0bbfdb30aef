"""The executor: root, one main loop, one worker thread, no network of its own.

It listens on one Unix socket. The agent carries frames of the centre over it; people on site ask over it. Everything is
verified here again before it counts (inbox.py), and done by the worker (reconcile.py).

Refuses to do: open a network socket; let anybody but root or the agent's user in; trust what the agent says about
anything but the state of its line.

Invariants:
- one agent at a time: a newer one takes the place of the older;
- the main loop never waits for anything but its selector: what takes long is the worker's;
- at the end the worker's step is finished, never cut off.

Called by `orch-minion executor`.
"""

from __future__ import annotations

import os
import selectors
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from orch.common import codec, stick
from orch.common.clock import Clock
from orch.common.errors import Malformed, OrchError, ProtocolError, StoreError
from orch.common.events import PROBLEM, Log
from orch.common.messages import Message, Reported, to_frames
from orch.common.stick import Stick
from orch.minion.answers import Answers
from orch.minion.channel import (
    Agent,
    Ailing,
    Ask,
    Channel,
    Closed,
    Down,
    HangUp,
    Received,
    Send,
    SiteAnswer,
    SiteAsk,
    Up,
    Word,
)
from orch.minion.desk import Desk
from orch.minion.failpoint import AFTER_SEND, Failpoints
from orch.minion.worker import PlanMade, Worker

LONGEST: Final = 60.0
"""Seconds for which the loop sleeps at most."""
LAST_STEP: Final = 3600.0
"""Seconds that the step in hand may take at the end: an upgrade is not cut off."""
MOST_VISITORS: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What an executor is made of."""

    door: socket.socket
    agent: int  # numeric user that may carry frames
    desk: Desk
    answers: Answers
    worker: Worker
    clock: Clock
    log: Log
    failpoints: Failpoints


class Bell:
    """Wakes the loop from another thread, or from a signal."""

    def __init__(self) -> None:
        """Silent."""
        self._in, self._out = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def ring(self) -> None:
        """Wake it."""
        try:
            os.write(self._out, b".")
        except BlockingIOError:
            return  # it is full, so it rings

    def fileno(self) -> int:
        """For the selector."""
        return self._in

    def hush(self) -> None:
        """It was heard."""
        try:
            os.read(self._in, 4096)
        except BlockingIOError:
            return

    def close(self) -> None:
        """Give both ends back."""
        os.close(self._in)
        os.close(self._out)


class Executor:
    """One host's executor; `run` ends when `stopping` says so."""

    def __init__(self, parts: Parts, bell: Bell, stopping: Callable[[], bool]) -> None:
        """Open for visitors as soon as `run` is called."""
        self._parts = parts
        self._bell = bell
        self._stopping = stopping
        self._selector = selectors.DefaultSelector()
        self._agent: Channel | None = None
        self._strangers: dict[Channel, None] = {}  # in the order in which they came
        self._planning: list[Channel] = []

    def run(self) -> None:
        """Serve until told to stop, then let the worker finish its step.

        Raises:
            Exception: what broke the worker.
        """
        self._selector.register(self._parts.door, selectors.EVENT_READ, self._visitor)
        self._selector.register(self._bell, selectors.EVENT_READ, self._rung)
        self._parts.desk.start()
        try:
            while not self._stopping():
                self._round()
        finally:
            self._parts.worker.stop(LAST_STEP)
            for channel in {*self._strangers, *self._planning, *([self._agent] if self._agent else [])}:
                channel.close()
            self._parts.door.close()
            self._selector.close()

    def _round(self) -> None:
        wait = self._parts.desk.due() - self._parts.clock.boottime()
        for key, _events in self._selector.select(max(0.0, min(wait, LONGEST))):
            served: Callable[[], None] = key.data
            served()
        if self._parts.desk.due() <= self._parts.clock.boottime():
            self._say(self._parts.desk.tick())
        self._parts.desk.permit()
        if self._parts.desk.moved():
            self._tell_where()

    # --- the worker ---------------------------------------------------------------------------------

    def _rung(self) -> None:
        self._bell.hush()
        for result in self._parts.worker.collect():
            if isinstance(result, PlanMade) and not result.job.request:
                self._answer_plan(result)
            else:
                self._say(self._parts.desk.worker_said(result))

    # --- visitors -----------------------------------------------------------------------------------

    def _visitor(self) -> None:
        try:
            connection, _address = self._parts.door.accept()
        except OSError as err:
            self._parts.log.write(PROBLEM, code="socket", text=f"accept: {err.strerror}")
            return
        channel = Channel(connection)
        if len(self._strangers) >= MOST_VISITORS:
            # The oldest: who only holds the door must not keep the agent out.
            self._leave(next(iter(self._strangers)))
        self._strangers[channel] = None
        self._selector.register(channel, selectors.EVENT_READ, lambda: self._stranger_said(channel))

    def _stranger_said(self, channel: Channel) -> None:
        if channel.fileno() < 0:
            return  # it had to leave in this very round
        try:
            words = channel.receive()
        except Closed:
            self._leave(channel)
            return
        if not words:
            return
        match words[0]:
            case Agent() if channel.peer() in (os.getuid(), self._parts.agent):
                self._welcome(channel)
                self._agent_said(channel, words[1:])
            case SiteAsk() if channel in self._planning:
                self._leave(channel)  # it has asked already
            case SiteAsk() as asked if channel.peer() == os.getuid():
                self._asked(channel, asked)
            case SiteAsk():
                self._answer(channel, SiteAnswer(code="not-allowed", text="only root may ask", hint="use sudo"))
            case _:
                self._leave(channel)

    def _leave(self, channel: Channel) -> None:
        self._strangers.pop(channel, None)
        if channel in self._planning:
            self._planning.remove(channel)
        self._selector.unregister(channel)
        channel.close()

    # --- the agent ----------------------------------------------------------------------------------

    def _welcome(self, channel: Channel) -> None:
        self._strangers.pop(channel, None)
        if self._agent is not None:
            self._lose_agent("another agent came")
        self._agent = channel
        self._parts.desk.agent_came()
        self._selector.modify(channel, selectors.EVENT_READ, lambda: self._agent_moved(channel))
        self._tell_where()

    def _agent_moved(self, channel: Channel) -> None:
        if channel is not self._agent:
            return  # a newer one took its place in this very round
        try:
            channel.flush()
            words = channel.receive()
        except Closed as err:
            self._lose_agent(str(err))
            return
        self._agent_said(channel, words)
        self._watch_agent()

    def _agent_said(self, channel: Channel, words: Sequence[Word]) -> None:
        for word in words:
            if channel is not self._agent:
                return
            match word:
                case Ailing():
                    self._parts.desk.agent_ails(word)
                case Up(address=address):
                    self._say(self._parts.desk.agent_up(address))
                case Down(reason=reason):
                    self._parts.desk.agent_down(reason)
                case Received(frames=frames):
                    self._centre_said(frames)
                case _:
                    self._lose_agent(f"an agent does not say {word.TAG}")

    def _centre_said(self, frames: tuple[bytes, ...]) -> None:
        try:
            self._say(self._parts.desk.centre_said(frames))
        except (ProtocolError, Malformed, StoreError) as err:
            # A disk that is full may have room again when the centre says it once more, on the next connection.
            self._parts.log.write(PROBLEM, code=err.code, text=err.text, hint=err.hint)
            self._parts.desk.agent_down(err.text)
            self._tell(HangUp(err.text[:300]))

    def _say(self, messages: Sequence[Message]) -> None:
        for message in messages:
            self._tell(Send(to_frames(message)))
        if any(isinstance(message, Reported) for message in messages):
            self._parts.failpoints.reached(AFTER_SEND)

    def _tell_where(self) -> None:
        self._tell(self._parts.desk.dialling())

    def _tell(self, word: Word) -> None:
        if self._agent is None:
            return  # said into nothing: the session says what counts again on the next connection
        try:
            self._agent.send(word)
        except Closed as err:
            self._lose_agent(str(err))
            return
        self._watch_agent()

    def _watch_agent(self) -> None:
        channel = self._agent
        if channel is not None:
            wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if channel.waits_to_write else 0)
            self._selector.modify(channel, wanted, lambda: self._agent_moved(channel))

    def _lose_agent(self, reason: str) -> None:
        if self._agent is not None:
            self._selector.unregister(self._agent)
            self._agent.close()
            self._agent = None
        self._parts.desk.agent_gone(reason)

    # --- people on site -----------------------------------------------------------------------------

    def _asked(self, channel: Channel, asked: SiteAsk) -> None:
        match asked.what:
            case Ask.STATUS:
                self._answer(channel, SiteAnswer(result=codec.encode(self._parts.answers.status())))
            case Ask.EXPLAIN:
                self._answer(channel, SiteAnswer(result=codec.encode(self._parts.answers.explanation())))
            case Ask.PLAN:
                self._asked_plan(channel)
            case Ask.IMPORT:
                self._asked_import(channel, asked.load)
            case Ask.REPORTS:
                self._answer(channel, SiteAnswer(result=codec.encode(self._parts.answers.reports(asked.after))))

    def _asked_import(self, channel: Channel, load: bytes) -> None:
        try:
            self._say(self._parts.desk.take(codec.decode(Stick, load, limit=stick.LIMIT)))
        except OrchError as err:
            self._answer(channel, SiteAnswer(code=err.code, text=err.text, hint=err.hint))
            return
        self._answer(channel, SiteAnswer(result=codec.encode(self._parts.answers.status())))

    def _asked_plan(self, channel: Channel) -> None:
        try:
            job = self._parts.answers.plan_job()
        except OrchError as err:
            self._answer(channel, SiteAnswer(code=err.code, text=err.text, hint=err.hint))
            return
        self._strangers.pop(channel, None)
        self._planning.append(channel)
        self._parts.worker.put(job)

    def _answer_plan(self, made: PlanMade) -> None:
        answer = SiteAnswer(result=codec.encode(self._parts.answers.plan(made)))
        for channel in tuple(self._planning):
            self._answer(channel, answer)

    def _answer(self, channel: Channel, answer: SiteAnswer) -> None:
        """Say it and close: the kernel keeps what fits its buffer, the rest is written before."""
        try:
            channel.finish(answer)
        except Closed as err:
            self._parts.log.write(PROBLEM, code="socket", text=f"an answer on site was not read: {err}")
        self._leave(channel)
