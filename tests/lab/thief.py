"""A hostile centre: it has the master's directory and the master's place, and speaks the protocol to real hosts.

Hosts cannot tell it from the master, as the CURVE key, the address and the proofs of freshness are the master's own. It
says whatever a test wants, in any order, and asks nobody. It acknowledges no report: those stay in the hosts' outboxes
for the day when the real master is back.

It lives in the test's own process: everything that it does happens while the test waits for something (`serve`).

    with Thief(Loot(folder), lab.network.centre, port=4505) as thief:
        thief.meet(curve)
        thief.say(curve, Delivered(...))
        thief.serve(lambda: "refused" in host.log("executor"), what="the refusal")
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from orch.common import attest, codec, report
from orch.common import messages as m
from orch.common.envelope import open_envelope
from orch.common.release import Fresh
from orch.common.report import PlanAnswer, Report
from orch.common.wire import Context, Sent, Waiter
from orch.common.wire.centre import CentreSocket, Received
from tests.lab.errors import LabError
from tests.lab.hosts import PATIENCE
from tests.lab.loot import Loot
from tests.lab.spaces import network_of

TICK = 0.05


class Thief:
    """Whoever stole the master; made by `with`."""

    def __init__(self, loot: Loot, namespace: Path, *, port: int) -> None:
        """Open nothing yet.

        Args:
            loot: what was stolen.
            namespace: the network in which the centre's address is.
            port: the centre's.
        """
        self.loot = loot
        self.proves = True
        """Whether it answers a nonce with a proof of freshness; if not, it says nothing at all by itself."""
        self.claims_newer = False
        """Whether those proofs say that there is something newer than what the host has."""
        self.ahead = 0
        """By how many seconds those proofs lie about the time."""
        self.heard: dict[bytes, list[m.Message]] = defaultdict(list)
        """All that each key has said."""
        self._namespace = namespace
        self._port = port
        self._peers: dict[bytes, bytes] = {}
        self._context: Context
        self._socket: CentreSocket

    def __enter__(self) -> Self:
        """Take the centre's place.

        Raises:
            SettingsError: somebody is still there.
        """
        with network_of(self._namespace):
            self._context = Context()
            try:
                self._socket = CentreSocket(self._context, secret=self.loot.curve)
                self._socket.bind(f"tcp://*:{self._port}")
            except BaseException:
                self._context.close()
                raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Hang up."""
        self._socket.close()
        self._context.close()

    # ---- what it does

    def serve(self, until: Callable[[], object], *, what: str, timeout: float = PATIENCE) -> None:
        """Be a centre until something is so.

        Raises:
            LabError: it did not come about within `timeout` seconds; `what` says what was waited for.
        """
        waiter = Waiter()
        waiter.add(self._socket)
        end = time.monotonic() + timeout
        while True:
            self._turn()
            if until():
                return
            if time.monotonic() > end:
                raise LabError(f"waited {timeout:g} s for {what}")
            waiter.wait(TICK)

    def serve_for(self, seconds: float) -> None:
        """Be a centre for a while."""
        end = time.monotonic() + seconds
        self.serve(lambda: time.monotonic() >= end, timeout=seconds + 5, what="the time to pass")

    def has(self, curve: bytes) -> bool:
        """Whether a host is on the line."""
        self._turn()
        return curve in self._peers

    def meet(self, curve: bytes) -> None:
        """Wait until a host is on the line, and has asked.

        Raises:
            LabError: it does not come.
        """
        self.serve(lambda: curve in self._peers, what="the host to come to the thief")

    def say(self, curve: bytes, message: m.Message) -> None:
        """Say something to a host that is on the line.

        Raises:
            LabError: it is not.
        """
        peer = self._peers.get(curve)
        if peer is None or self._socket.send(peer, m.to_frames(message)) is not Sent.YES:
            raise LabError("that host is not on the thief's line", hint="meet it first")

    # ---- what it has heard

    def reports(self, curve: bytes) -> list[Report]:
        """What a host has reported to it, each report once."""
        found: dict[int, Report] = {}
        for message in self.heard[curve]:
            if isinstance(message, m.Reported):
                found[message.sequence] = _report(message.envelope)
        return [found[sequence] for sequence in sorted(found)]

    def answer(self, curve: bytes, request: bytes) -> PlanAnswer | None:
        """What a host has answered to a plan request."""
        for message in self.heard[curve]:
            if isinstance(message, m.Planned) and message.request == request:
                body = open_envelope(message.envelope, type=report.PLAN_ANSWER_TYPE, limit=report.LIMIT).body
                return codec.decode(PlanAnswer, body, limit=report.LIMIT)
        return None

    # ---- how it does it

    def _turn(self) -> None:
        for received in self._socket.receive():
            self._received(received)
        for peer in self._socket.gone():
            self._peers = {curve: known for curve, known in self._peers.items() if known != peer}

    def _received(self, received: Received) -> None:
        message = m.from_frames(received.frames)
        self.heard[received.key].append(message)
        if isinstance(message, m.Hello | m.Ask):
            self._peers[received.key] = received.peer
            if self.proves:
                self.say(received.key, m.Freshness(envelope=self._proof(received.key, message)))

    def _proof(self, curve: bytes, asked: m.Hello | m.Ask) -> bytes:
        more = 1000 if self.claims_newer else 0
        made = Fresh(
            estate=self.loot.estate,
            curve=curve,
            nonce=asked.nonce,
            policy=asked.policy,
            epoch=asked.epoch,
            number=asked.number + more,
            release=asked.release,
            time=int(time.time()) + self.ahead,
        )
        return attest.sign_fresh(made, self.loot.fresh)


def _report(envelope: bytes) -> Report:
    body = open_envelope(envelope, type=report.TYPE, limit=report.LIMIT).body
    return codec.decode(Report, body, limit=report.LIMIT)
