"""A host that is nothing but the protocol: the real session and the real sockets, and a script instead of an executor.

Takes what it is given without verifying it (the executor's business), keeps its reports until they are acknowledged.
Also fit for swarms: one thread can turn hundreds.
"""

from __future__ import annotations

from dataclasses import replace

from orch.common import attest, codec, messages, session
from orch.common.clock import Chance, Clock
from orch.common.crypto import sha256
from orch.common.envelope import open_envelope
from orch.common.release import LIMIT, TYPE, Release
from orch.common.report import Outcome, Report, Trigger
from orch.common.session import Held, HostSession
from orch.common.wire import Context, Dial, Event, Keys, Link, Sent
from tests.fakes import signed_estate as estate


class SwarmHost:
    """One host, by name; its keys come from its name (signed_estate)."""

    def __init__(self, name: str, *, clock: Clock, chance: Chance) -> None:
        self.name = name
        self.me = estate.admission(name)
        self.session = HostSession(chance)
        self.clock = clock
        self.link: Link | None = None
        self.events: list[Event] = []
        self.heard: list[messages.Message] = []
        self.standing: list[str] = []
        self.outbox: dict[int, bytes] = {}
        self.acknowledged = 0
        self.fresh: list[tuple[bytes, bytes]] = []
        self.silent = False  # takes in everything and sends no report
        self.deaf = False  # does not hear acknowledgements
        self.held = Held(
            boot=bytes(16),
            policy=0,
            admission=0,
            scope="",
            epoch=0,
            number=0,
            release=b"",
            sequence=0,
            unsent=(),
            request=attest.sign_identity_request(estate.request(name), estate.signing(name)),
        )

    @property
    def public(self) -> bytes:
        return self.me.curve

    def of(self, kind: type[messages.Message]) -> list[messages.Message]:
        """What it was told of that kind."""
        return [message for message in self.heard if isinstance(message, kind)]

    def connect(self, context: Context, address: str) -> None:
        """Dial the centre."""
        self.disconnect()
        secret = estate.curve(self.name).secret
        server = estate.curve("centre").public
        self.link = Link(context, Dial(address=address, server=server, keys=Keys(self.public, secret)))

    def disconnect(self) -> None:
        """Hang up, as a cut line does."""
        if self.link is not None:
            self.link.close()
            self.link = None
        self.session.disconnected()

    def report(self, outcome: Outcome = Outcome.APPLIED, **changes: object) -> int:
        """Make a report about what it holds; its sequence."""
        sequence = self.held.sequence + 1
        made = Report(
            host=self.name,
            curve=self.public,
            boot=self.held.boot,
            sequence=sequence,
            previous=b"",
            time=self.clock.wall(),
            trigger=Trigger.RELEASE,
            epoch=self.held.epoch,
            number=self.held.number,
            release=self.held.release,
            document=b"",
            outcome=outcome,
        )
        made = replace(made, **changes)  # type: ignore[arg-type]
        self.outbox[sequence] = attest.sign_report(made, estate.signing(self.name))
        self._hold(sequence=sequence)
        return sequence

    def turn(self) -> None:
        """Do all that there is to do now."""
        if self.link is None:
            return
        for event in self.link.events():
            self.events.append(event)
            if event is Event.UP:
                self._do(self.session.connected(self.held, self.clock.boottime()))
            else:
                self.session.disconnected()
        for frames in self.link.receive():
            message = messages.from_frames(frames)
            self.heard.append(message)
            if self.session.open:
                self._do(self.session.received(message, self.held, self.clock.boottime()))
        self._do(self.session.tick(self.held, self.clock.boottime()))

    def say(self, message: messages.Message) -> bool:
        """Say something out of its script."""
        return self.link is not None and self.link.send(messages.to_frames(message)) is Sent.YES

    def ask(self) -> None:
        """Pull now."""
        self._do(self.session.ask_now(self.held, self.clock.boottime()))

    def _do(self, effects: list[session.HostEffect]) -> None:
        for effect in effects:
            match effect:
                case session.Say(message):
                    self.say(message)
                case session.SendReports(sequences):
                    self._send_reports(sequences)
                case session.Forget(sequence):
                    self._forget(sequence)
                case session.Take(message):
                    self._take(message)
                case session.CheckFresh(envelope, nonce):
                    self.fresh.append((envelope, nonce))
                case session.Standing(word):
                    self.standing.append(word)

    def _send_reports(self, sequences: tuple[int, ...]) -> None:
        for sequence in sequences:
            if not self.silent and sequence in self.outbox:
                self.say(messages.Reported(sequence=sequence, envelope=self.outbox[sequence]))

    def _forget(self, sequence: int) -> None:
        if self.deaf:
            return
        self.acknowledged = max(self.acknowledged, sequence)
        for old in [number for number in self.outbox if number <= sequence]:
            del self.outbox[old]
        self._hold()

    def _take(self, message: messages.Message) -> None:
        match message:
            case messages.PolicySent(version=version):
                self._hold(policy=version)
            case messages.Admitted(serial=serial):
                self._hold(admission=serial)
            case messages.Delivered(known=known) if known != self.held.document and known:
                self._do(self.session.ask_now(self.held, self.clock.boottime(), lacks=known))
            case messages.Delivered(release=release, document=document, known=known):
                opened = open_envelope(release, type=TYPE, limit=LIMIT)
                found = codec.decode(Release, opened.body, limit=LIMIT)
                self._hold(scope=found.scope, epoch=found.epoch, number=found.number, release=opened.hash)
                self._hold(document=known or sha256(document))  # all that it keeps of a document
            case _:
                return

    def _hold(self, **changes: object) -> None:
        self.held = replace(self.held, **changes)  # type: ignore[arg-type]
        self.held = replace(self.held, unsent=tuple(sorted(self.outbox)))
