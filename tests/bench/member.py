"""One simulated host of a swarm: real keys, real CURVE, the real session; it makes nothing true, it only says so.

What it is given it checks as far as it concerns the centre: that the document is its own and belongs to the release, that the
proof of freshness is signed for it and answers its question. It dials as a host's agent does (minion/agent.py).
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from orch.common import codec, merkle, messages, trust
from orch.common import release as releases
from orch.common.clock import Chance, Clock
from orch.common.document import LIMIT, Document
from orch.common.envelope import open_envelope
from orch.common.messages import Message
from orch.common.release import Release
from orch.common.report import Change, Outcome, Sign, StepOutcome, StepReport
from orch.common.wire import Context, Event
from orch.minion.agent import Dialler
from orch.minion.channel import Dialling
from tests.fakes import signed_estate as estate
from tests.fakes.swarmhost import SwarmHost

STEPS = tuple(
    StepReport(
        resource=f"file /etc/orch-bench/{number}",
        outcome=StepOutcome.DONE,
        changes=(Change(sign=Sign.ADD, kind="file", name=f"/etc/orch-bench/{number}", after="1900 B 0644 root root"),),
        milliseconds=3,
    )
    for number in range(6)
)
"""What a report of these hosts says that it did: about a kilobyte."""


@dataclass(slots=True)
class Tally:
    """How many of some hosts are how far, and how much was said."""

    up: int = 0
    delivered: int = 0
    acknowledged: int = 0
    proofs: int = 0
    dials: int = 0
    faults: int = 0

    def plus(self, other: Tally) -> Tally:
        """Both together."""
        return Tally(*(getattr(self, item.name) + getattr(other, item.name) for item in fields(Tally)))


class Member(SwarmHost):
    """A host of a swarm; all of one process count in one tally."""

    def __init__(self, name: str, *, clock: Clock, chance: Chance, tally: Tally) -> None:
        super().__init__(name, clock=clock, chance=chance)
        self.tally = tally
        self._dialler = Dialler(chance)
        self._standing = estate.standing(me=self.me)
        self._proven = False  # on this connection
        self._up_since = 0.0
        self.dial_at = float("inf")

    def told(self, address: str, *, wait: float) -> None:
        """Where the centre is; dial after so many seconds."""
        self._dialler.told(Dialling(addresses=(address,), servers=(estate.curve("centre").public,)))
        self.dial_at = self.clock.boottime() + wait

    def dial(self, context: Context) -> None:
        """Its time has come."""
        self.dial_at = float("inf")
        self.tally.dials += 1
        self.connect(context, self._dialler.choice()[0])

    def serve(self) -> bool:
        """Do all that there is to do now; whether the line is still there."""
        self.heard.clear()
        self.turn()
        while self.heard:  # saying something may have taken in what its descriptor does not tell of any more
            self.heard.clear()
            self.turn()
        for envelope, nonce in self.fresh:
            trust.judge_fresh(self._standing, envelope, nonce=nonce)
            self.tally.proofs += 1
            if not self._proven:
                self._proven, self._up_since = True, self.clock.boottime()
                self.tally.up += 1
        self.fresh.clear()
        ended = any(event is not Event.UP for event in self.events)
        self.events.clear()
        if ended:
            self._ended()
        return not ended

    def _ended(self) -> None:
        now = self.clock.boottime()
        pause = self._dialler.lost(now - self._up_since) if self._proven else self._dialler.failed()
        self.tally.up -= self._proven
        self._proven = False
        self.disconnect()
        self.dial_at = now + pause

    def _take(self, message: Message) -> None:
        super()._take(message)
        if isinstance(message, messages.Delivered):
            if not message.known and not self._is_mine(message):
                self.tally.faults += 1
                return
            self.tally.delivered += 1
            self.report(Outcome.APPLIED, steps=STEPS)
            self.ask()

    def _is_mine(self, message: messages.Delivered) -> bool:
        opened = open_envelope(message.release, type=releases.TYPE, limit=releases.LIMIT)
        found = codec.decode(Release, opened.body, limit=releases.LIMIT)
        root = merkle.root_from(merkle.leaf(message.document), message.proof, found.count)
        return root == found.root and codec.decode(Document, message.document, limit=LIMIT).curve == self.public

    def _forget(self, sequence: int) -> None:
        before = self.acknowledged
        super()._forget(sequence)
        self.tally.acknowledged += self.acknowledged > before
