"""The centre's end of the protocol."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol, TypeAlias

from orch.common import messages as m
from orch.common.release import Parcel
from orch.common.session.pace import REDELIVER, UNHEARD


class Known(Enum):
    """How a key stands at the centre."""

    STRANGER = "stranger"
    PENDING = "pending"
    REJECTED = "rejected"
    ADMITTED = "admitted"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class Head:
    """The newest release for one host, ready to be delivered. Numbers count within a scope, and only there."""

    scope: str
    epoch: int
    number: int
    release: bytes  # SHA-256 of the body
    parcel: Parcel
    document: bytes = b""  # SHA-256 of the parcel's document


class View(Protocol):
    """What the centre's end may look up: memory only, never a disk (master/roster.py)."""

    def known(self, curve: bytes) -> Known:
        """How the key stands."""

    def policies_after(self, version: int) -> Sequence[tuple[int, bytes]]:
        """Policy versions above `version`, ascending, with their envelopes."""

    def admission(self, curve: bytes) -> tuple[int, bytes]:
        """Serial and envelope of the host's newest admission; (0, b"") where there is none."""

    def head(self, curve: bytes) -> Head | None:
        """The newest release for this host."""

    def reset(self, curve: bytes) -> bytes:
        """The signed reset that waits for this host; empty where there is none."""

    def committed(self, curve: bytes) -> int:
        """Sequence up to which this host's reports are committed."""

    def prove(self, curve: bytes, nonce: bytes) -> bytes:
        """A signed proof of freshness (attest.py)."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Send this to the host."""

    message: m.Message


@dataclass(frozen=True, slots=True)
class Requested:
    """A key that nobody has decided on asks to be let in."""

    envelope: bytes


@dataclass(frozen=True, slots=True)
class StoreReport:
    """Commit this report, then acknowledge it with `CentreSession.committed`."""

    sequence: int
    envelope: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What the host says it runs; for the roster, never believed for decisions of trust."""

    scope: str  # of the release; empty: it has none, or is older than this field
    epoch: int
    number: int
    release: bytes
    policy: int
    sequence: int | None  # newest report it ever made; only a Hello says so


@dataclass(frozen=True, slots=True)
class Relay:
    """For the people who watch or asked: progress, or the answer to a plan request."""

    message: m.Progress | m.Planned


@dataclass(frozen=True, slots=True)
class Cut:
    """Close this connection."""

    reason: str


CentreEffect: TypeAlias = Answer | Requested | StoreReport | Heard | Relay | Cut


class CentreSession:
    """The centre's end of one connection of one host, known by the key that CURVE proved."""

    def __init__(self, curve: bytes) -> None:
        """A connection from which nothing was heard yet."""
        self.curve = curve
        self._greeted = False
        self._let_in = False
        self._nonce = b""  # the newest question of the host
        self._delivered: tuple[int, int, bytes] = (0, 0, b"")
        self._delivered_at = 0.0
        self._policy = 0
        self._admission = 0
        self._scope = ""  # of the release that the host holds, as it says
        self._release: tuple[int, int, bytes] = (0, 0, b"")
        self._reset = b""
        self._spares = False  # whether the host takes a release without the document that it holds
        self._document = b""  # SHA-256 of what it holds, or was sent last
        self._left_out = False  # whether the last release went without its document, so that the host may lack it
        self._unheard = 0  # releases and plan requests sent since its last word

    def received(self, message: m.Message, view: View, now: float) -> list[CentreEffect]:
        """What to do about a message of the host."""
        self._unheard = 0
        if isinstance(message, m.Hello):
            return self._hello(message, view, now)
        if not self._greeted:
            return [Cut(f"{message.TAG} before hello")]
        if isinstance(message, m.Ask):
            return self._asked(message, view, now)
        if not self._let_in:
            return [Cut(f"{message.TAG} from a key that is not admitted")]
        match message:
            case m.Reported(sequence=sequence, envelope=envelope):
                if sequence <= (done := view.committed(self.curve)):
                    return [Answer(m.Acknowledged(sequence=done))]
                return [StoreReport(sequence, envelope)]
            case m.Progress() | m.Planned():
                return [Relay(message)]
            case _:
                return [Cut(f"a host does not say {message.TAG}")]

    def committed(self, sequence: int) -> list[CentreEffect]:
        """The store has committed reports up to `sequence`."""
        return [Answer(m.Acknowledged(sequence=sequence))]

    def changed(self, view: View, now: float) -> list[CentreEffect]:
        """Something at the centre changed for this host: push it at once."""
        if not self._greeted:
            return []
        standing = view.known(self.curve)
        if standing is Known.REVOKED:
            return [Answer(m.Denied(reason="revoked")), Cut("revoked")]
        if standing is not Known.ADMITTED:
            return []
        first, self._let_in = not self._let_in, True
        if not first:
            return self._lacking(view) + self._newer(view, now) + self._back(view)
        # It asked while it was nobody; now it is told at once what it would be told at its next ask.
        return [
            *self._lacking(view),
            Answer(m.Freshness(envelope=view.prove(self.curve, self._nonce))),
            *self._newer(view, now),
            Answer(m.Acknowledged(sequence=view.committed(self.curve))),
        ]

    def ask_plan(self, message: m.PlanAsked) -> list[CentreEffect]:
        """Pass a plan request on, if the host is let in and takes what it is sent."""
        if not self._let_in or self._unheard >= UNHEARD:
            return []
        self._unheard += 1
        return [Answer(message)]

    def _hello(self, hello: m.Hello, view: View, now: float) -> list[CentreEffect]:
        if self._greeted:
            return [Cut("hello twice")]
        if hello.lowest > m.PROTOCOL or hello.protocol < m.LOWEST_PROTOCOL:
            return [Answer(m.Denied(reason=f"protocol {hello.protocol} is not spoken here")), Cut("protocol")]
        self._greeted, self._nonce = True, hello.nonce
        self._policy, self._admission = hello.policy, hello.admission
        self._scope, self._release = hello.scope, (hello.epoch, hello.number, hello.release)
        self._spares, self._document = hello.spares, hello.document if hello.spares else b""
        standing = view.known(self.curve)
        if standing is Known.REVOKED:
            return [Answer(m.Denied(reason="revoked")), Cut("revoked")]
        if standing is not Known.ADMITTED:
            asks: list[CentreEffect] = [Requested(hello.request)] if standing is Known.STRANGER else []
            return [*asks, Answer(m.Pending())]
        self._let_in = True
        return [
            _heard(hello, hello.sequence),
            *self._lacking(view),
            *self._back(view),
            Answer(m.Freshness(envelope=view.prove(self.curve, hello.nonce))),
            *self._newer(view, now),
            Answer(m.Acknowledged(sequence=view.committed(self.curve))),
        ]

    def _asked(self, ask: m.Ask, view: View, now: float) -> list[CentreEffect]:
        self._nonce = ask.nonce
        if not self._let_in:
            return [Answer(m.Pending())]
        self._scope, self._release = ask.scope, (ask.epoch, ask.number, ask.release)
        self._policy = max(self._policy, ask.policy)
        if self._left_out and ask.lacks == self._document:
            self._document, self._delivered, self._left_out = b"", (0, 0, b""), False
        return [
            _heard(ask, None),
            *self._lacking(view),
            *self._back(view),
            Answer(m.Freshness(envelope=view.prove(self.curve, ask.nonce))),
            *self._newer(view, now),
        ]

    def _lacking(self, view: View) -> list[CentreEffect]:
        effects: list[CentreEffect] = []
        for version, envelope in view.policies_after(self._policy):
            effects.append(Answer(m.PolicySent(version=version, envelope=envelope)))
            self._policy = version
        serial, envelope = view.admission(self.curve)
        if serial > self._admission:
            effects.append(Answer(m.Admitted(serial=serial, envelope=envelope)))
            self._admission = serial
        return effects

    def _back(self, view: View) -> list[CentreEffect]:
        """The host's way back from a lost floor, once a connection; then the release that it refused is sent again.

        Before the proof of freshness and the release where both go out now; behind the release where nothing is proved
        (`changed`), as the host asks for both once it has taken the reset.
        """
        envelope = view.reset(self.curve)
        if envelope in (b"", self._reset):
            return []
        self._reset, self._delivered = envelope, (0, 0, b"")
        return [Answer(m.ResetSent(envelope=envelope))]

    def _newer(self, view: View, now: float) -> list[CentreEffect]:
        head = view.head(self.curve)
        if head is None:
            return []
        name = (head.epoch, head.number, head.release)
        if name == self._release:
            return []
        # Only numbers of one scope compare: a host that was moved holds 1:100 of the old one and lacks 1:4 of the new
        # one. Of a host that does not say its scope nothing is known, so it is sent the release and judges itself.
        if head.scope == self._scope and name[:2] < self._release[:2]:
            return []
        if name == self._delivered and now - self._delivered_at < REDELIVER:
            return []
        if self._unheard >= UNHEARD:
            return []  # told at its next word, of what is newest then
        self._unheard += 1
        self._delivered, self._delivered_at = name, now
        parcel, known = head.parcel, self._document
        self._left_out = known != b"" and known == head.document
        if self._left_out:
            return [Answer(m.Delivered(proof=parcel.proof, release=parcel.release, known=known))]
        self._document = head.document if self._spares else b""
        return [Answer(m.Delivered(proof=parcel.proof, release=parcel.release, document=parcel.document))]


def _heard(said: m.Hello | m.Ask, sequence: int | None) -> Heard:
    return Heard(
        scope=said.scope,
        epoch=said.epoch,
        number=said.number,
        release=said.release,
        policy=said.policy,
        sequence=sequence,
    )
