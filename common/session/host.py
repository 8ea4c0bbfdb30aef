"""The host's end of the protocol."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TypeAlias

from orch.common import messages as m
from orch.common.clock import Chance
from orch.common.errors import ProtocolError
from orch.common.session.pace import BEAT, REPEAT, WINDOW


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What a host durably holds, as it says so to the centre."""

    boot: bytes
    policy: int
    admission: int
    scope: str  # of the release; empty while there is none
    epoch: int
    number: int
    release: bytes
    document: bytes = b""  # of the release
    sequence: int  # newest report ever made
    unsent: tuple[int, ...]  # sequences not acknowledged, ascending
    request: bytes  # its identity request


@dataclass(frozen=True, slots=True)
class Say:
    """Send this to the centre."""

    message: m.Message


@dataclass(frozen=True, slots=True)
class SendReports:
    """Take these reports from the outbox and send them."""

    sequences: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Take:
    """Verify what this message carries and act on it."""

    message: m.PolicySent | m.Admitted | m.Delivered | m.WentOn | m.PlanAsked | m.Ordered | m.ResetSent


@dataclass(frozen=True, slots=True)
class CheckFresh:
    """Verify this proof against the nonce that was sent."""

    envelope: bytes
    nonce: bytes


@dataclass(frozen=True, slots=True)
class Forget:
    """Reports up to here are committed at the centre: the outbox may drop them."""

    sequence: int


@dataclass(frozen=True, slots=True)
class Standing:
    """The centre said how this host stands: `pending`, `admitted` or the reason of a denial."""

    word: str
    denied: bool = False


HostEffect: TypeAlias = Say | SendReports | Take | CheckFresh | Forget | Standing


class HostSession:
    """A host's end. One object for the life of the daemon; it lives through reconnects."""

    def __init__(self, chance: Chance) -> None:
        """Start unconnected."""
        self._chance = chance
        self._open = False
        self._admitted = False
        self._nonces: deque[bytes] = deque()  # of questions not answered yet, oldest first: answers come in order
        self._ask_at = 0.0
        self._sent_upto = 0
        self._repeat_at = 0.0

    @property
    def open(self) -> bool:
        """Whether there is a connection."""
        return self._open

    def connected(self, held: Held, now: float) -> list[HostEffect]:
        """The agent has a connection: say Hello."""
        self._open, self._admitted, self._sent_upto = True, False, 0
        self._nonces = deque([self._chance.token(16)])
        self._ask_at = now + self._beat()
        hello = m.Hello(
            protocol=m.PROTOCOL,
            lowest=m.LOWEST_PROTOCOL,
            boot=held.boot,
            nonce=self._nonces[-1],
            policy=held.policy,
            admission=held.admission,
            scope=held.scope,
            epoch=held.epoch,
            number=held.number,
            release=held.release,
            sequence=held.sequence,
            spares=True,
            document=held.document,
            request=held.request,
        )
        return [Say(hello)]

    def disconnected(self) -> None:
        """The connection is gone; what was under way will be sent again."""
        self._open, self._admitted, self._sent_upto = False, False, 0

    def due(self) -> float:
        """When `tick` next has something to do, on the caller's clock; infinity while unconnected."""
        if not self._open:
            return float("inf")
        return min(self._ask_at, self._repeat_at) if self._sent_upto else self._ask_at

    def tick(self, held: Held, now: float) -> list[HostEffect]:
        """Time has passed, or a report was made."""
        if not self._open:
            return []
        effects: list[HostEffect] = []
        if now >= self._ask_at:
            effects.append(Say(self._ask(held, now)))
        if self._sent_upto and now >= self._repeat_at:
            self._sent_upto = 0
        return effects + self._reports(held, now)

    def ask_now(self, held: Held, now: float, *, lacks: bytes = b"") -> list[HostEffect]:
        """Pull at once: what was sent leads to it, or a document was left out that is not here."""
        return [Say(self._ask(held, now, lacks))] if self._open else []

    def received(self, message: m.Message, held: Held, now: float) -> list[HostEffect]:
        """What to do about a message of the centre.

        Raises:
            ProtocolError: a centre does not say this to a host, or not now.
        """
        if not self._open:
            raise ProtocolError(f"{message.TAG} outside a connection")
        match message:
            case m.Pending():
                # The newest question stays: it is answered when an operator lets this host in.
                if len(self._nonces) > 1:
                    self._nonces.popleft()
                return [Standing("pending")]
            case m.Denied(reason=reason):
                return [Standing(reason, denied=True)]
            case (
                m.PolicySent() | m.Admitted() | m.ResetSent() | m.Delivered() | m.WentOn() | m.PlanAsked() | m.Ordered()
            ):
                return [Take(message)]
            case m.Freshness(envelope=envelope):
                return self._fresh(envelope, held, now)
            case m.Acknowledged(sequence=sequence):
                return [Forget(sequence), *self._reports(held, now, acknowledged=sequence)]
            case _:
                raise ProtocolError(f"a centre does not say {message.TAG} to a host")

    def _fresh(self, envelope: bytes, held: Held, now: float) -> list[HostEffect]:
        if not self._nonces:
            raise ProtocolError("a proof of freshness that nobody asked for")
        nonce = self._nonces.popleft()
        first, self._admitted = not self._admitted, True
        effects: list[HostEffect] = [CheckFresh(envelope, nonce)]
        if first:
            effects.append(Standing("admitted"))
        return effects + self._reports(held, now)

    def _ask(self, held: Held, now: float, lacks: bytes = b"") -> m.Ask:
        self._nonces.append(nonce := self._chance.token(16))
        self._ask_at = now + self._beat()
        return m.Ask(
            nonce=nonce,
            policy=held.policy,
            scope=held.scope,
            epoch=held.epoch,
            number=held.number,
            release=held.release,
            lacks=lacks,
        )

    def _reports(self, held: Held, now: float, *, acknowledged: int = 0) -> list[HostEffect]:
        if not self._admitted:
            return []
        waiting = [number for number in held.unsent if number > acknowledged]
        if not waiting:
            self._sent_upto = 0
            return []
        allowed = [number for number in waiting[:WINDOW] if number > self._sent_upto]
        if not allowed:
            return []
        self._sent_upto = allowed[-1]
        self._repeat_at = now + REPEAT
        return [SendReports(tuple(allowed))]

    def _beat(self) -> float:
        # Jittered, so that a fleet that was cut off together does not ask together.
        return BEAT * self._chance.between(0.8, 1.2)
