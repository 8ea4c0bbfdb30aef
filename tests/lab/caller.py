"""Somebody who calls the centre: any key, any words, in any order. What a stranger can do with orch's own protocol.

Called by the system tests. It lives in the test's process and on the centre's network.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from pathlib import Path
from types import TracebackType
from typing import Self

from orch.common import codec
from orch.common import messages as m
from orch.common.operations import OPERATIONS
from orch.common.release import Proof
from orch.common.wire import Context, Dial, Event, Keys, Link, Waiter, make_keys
from tests.lab.errors import LabError
from tests.lab.hosts import PATIENCE
from tests.lab.network import CENTRE
from tests.lab.spaces import network_of

TICK = 0.02


class Caller:
    """One connection to the centre; made by `with`."""

    def __init__(self, namespace: Path, *, port: int, server: bytes, keys: Keys | None = None) -> None:
        """Dial nothing yet.

        Args:
            namespace: the network to call from.
            port: the centre's.
            server: the centre's CURVE key.
            keys: who calls; a new key if nothing is said.
        """
        self.keys = keys or make_keys()
        self.heard: list[m.Message] = []
        self.events: list[Event] = []
        self._namespace = namespace
        self._dial = Dial(address=f"tcp://{CENTRE}:{port}", server=server, keys=self.keys)
        self._context: Context
        self._link: Link

    def __enter__(self) -> Self:
        """Dial."""
        with network_of(self._namespace):
            self._context = Context(sockets=8)
            self._link = Link(self._context, self._dial)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Hang up."""
        self._link.close()
        self._context.close()

    @property
    def ended(self) -> bool:
        """Whether the connection is over, or never came about."""
        return Event.DOWN in self.events or Event.REFUSED in self.events

    def call(self, timeout: float = PATIENCE) -> None:
        """Wait for the handshake.

        Raises:
            LabError: the centre does not answer.
        """
        self.listen(lambda: Event.UP in self.events, timeout=timeout, what="the handshake")

    def say(self, message: m.Message) -> None:
        """Say something."""
        self.say_frames(m.to_frames(message))

    def say_frames(self, frames: tuple[bytes, ...]) -> None:
        """Say something that need not be a message."""
        self._link.send(frames)

    def listen(self, until: Callable[[], object], *, what: str, timeout: float = PATIENCE) -> None:
        """Listen until something is so.

        Raises:
            LabError: it did not come about.
        """
        waiter = Waiter()
        waiter.add(self._link)
        end = time.monotonic() + timeout
        while True:
            self.look()
            if until():
                return
            if time.monotonic() > end:
                raise LabError(f"waited {timeout:g} s for {what}; heard {self.heard}, {self.events}")
            waiter.wait(TICK)

    def look(self) -> None:
        """Take what is there."""
        self.events += self._link.events()
        self.heard += [m.from_frames(frames) for frames in self._link.receive()]


def let_listen(callers: Collection[Caller], until: Callable[[], bool], *, longer: float = 0.0) -> None:
    """Let everybody listen until something is so or not going to be, and for `longer` seconds after it."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        for caller in callers:
            caller.look()
        if until():
            until, end = (lambda: False), time.monotonic() + longer
        time.sleep(TICK)


def request(operation: str, arguments: object, *, number: int = 1) -> m.Request:
    """An operator's request."""
    return m.Request(id=number, protocol=m.PROTOCOL, operation=operation, arguments=codec.encode(arguments))


def hello(request_: bytes = b"") -> m.Hello:
    """The first word of a host that has nothing yet."""
    return m.Hello(
        protocol=m.PROTOCOL,
        lowest=m.LOWEST_PROTOCOL,
        boot=bytes(16),
        nonce=bytes(range(16)),
        policy=0,
        admission=0,
        epoch=0,
        number=0,
        release=b"",
        sequence=0,
        request=request_,
    )


def samples() -> dict[str, m.Message]:
    """One of every message that there is, from either side, and one request for every operation, by a name."""
    proof = Proof(index=0, path=())
    some: list[m.Message] = [
        hello(b"\x00" * 40),
        m.Ask(nonce=bytes(16), policy=0, epoch=0, number=0, release=b""),
        m.Reported(sequence=1, envelope=b"report"),
        m.Progress(epoch=1, number=2, step=1, steps=1, text="far"),
        m.Planned(request=bytes(16), envelope=b"plan"),
        m.Pending(),
        m.Denied(reason="no"),
        m.PolicySent(version=2, envelope=b"policy"),
        m.Admitted(serial=1, envelope=b"admission"),
        m.Freshness(envelope=b"fresh"),
        m.Delivered(proof=proof, release=b"release", document=b"document"),
        m.WentOn(envelope=b"go"),
        m.Acknowledged(sequence=1),
        m.PlanAsked(proof=proof, request=b"plan", document=b"document"),
        m.Ordered(envelope=b"order"),
        m.ResetSent(envelope=b"reset"),
        m.StreamOpen(document=bytes(32), credit=8),
        m.StreamData(piece=b"piece"),
        m.StreamCredit(pieces=8),
        m.StreamEnd(status=0),
        m.Answer(id=1),
    ]
    asked = {f"request {name}": request(name, {}) for name in (*OPERATIONS, "no.such")}
    return {message.TAG: message for message in some} | asked
