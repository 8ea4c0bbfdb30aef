"""A real centre on loopback, turned by the test's own thread, with scripted hosts and operators beside it.

Everything is real but two things: hosts have no executor (swarmhost.py), and the wall clock stands near
`signed_estate.NOW`, on which the estate's signatures were made.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from orch.common import authoring, codec, keyfile, messages
from orch.common import operations as op
from orch.common.authoring import Authored
from orch.common.clock import SystemChance, SystemClock
from orch.common.crypto import sha256
from orch.common.events import Event as LogEvent
from orch.common.events import Value
from orch.common.identity import Revocation
from orch.common.keyfile import CentreKey
from orch.common.policy import Policy
from orch.common.wire import Context, Dial, Event, Keys, Link
from orch.master.adapters.mailbox import Mailbox
from orch.master.assembly import Assembly
from orch.master.directory import open_directory
from orch.master.hub import Hub
from orch.master.records import KeyRecord
from tests.fakes import signed_estate as estate
from tests.fakes.swarmhost import SwarmHost

T = TypeVar("T")
PATIENCE = 20.0
"""Seconds that anything may take on a machine that is busy with other things."""


class NearNow:
    """The machine's clock, moved to the estate's day (or another); `skip` makes time pass."""

    def __init__(self, now: int = estate.NOW) -> None:
        self._now = now
        self._real = SystemClock()
        self._start = self._real.boottime()
        self._skipped = 0.0

    def wall(self) -> int:
        return self._now + int(self.boottime() - self._start)

    def boottime(self) -> float:
        return self._real.boottime() + self._skipped

    def skip(self, seconds: float) -> None:
        self._skipped += seconds


class MemoryLog:
    """Keeps what was said."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, dict[str, Value]]] = []

    def write(self, event: LogEvent, **values: Value) -> None:
        if unknown := set(values) - set(event.fields):
            raise ValueError(f"{event.name} has no field {unknown}")
        self.lines.append((event.name, values))

    def said(self, name: str) -> list[dict[str, Value]]:
        return [values for event, values in self.lines if event == name]


class FakeOperator:
    """An operator's connection, by the name of the person whose login key it uses."""

    def __init__(self, name: str, context: Context, address: str) -> None:
        key = estate.curve(name)
        dial = Dial(address=address, server=estate.curve("centre").public, keys=Keys(key.public, key.secret))
        self.link = Link(context, dial)
        self.events: list[Event] = []
        self.answers: list[messages.Answer] = []
        self.other: list[messages.Message] = []
        self._number = 0

    @property
    def cut(self) -> bool:
        return Event.DOWN in self.events or Event.REFUSED in self.events

    def send(self, operation: str, arguments: object) -> int:
        self._number += 1
        request = messages.Request(
            id=self._number, protocol=messages.PROTOCOL, operation=operation, arguments=codec.encode(arguments)
        )
        self.link.send(messages.to_frames(request))
        return self._number

    def turn(self) -> None:
        self.events += self.link.events()
        for frames in self.link.receive():
            message = messages.from_frames(frames)
            if isinstance(message, messages.Answer):
                self.answers.append(message)
            else:
                self.other.append(message)

    def to(self, number: int) -> list[messages.Answer]:
        return [answer for answer in self.answers if answer.id == number]


class RefusedHere(Exception):
    """The centre's answer was an error."""

    def __init__(self, answer: messages.Answer) -> None:
        super().__init__(f"{answer.code}: {answer.text}")
        self.code = answer.code
        self.text = answer.text


class RunningCentre:
    """The centre, and everybody who talks to it."""

    def __init__(self, folder: Path, *, settings: str = "", now: int = estate.NOW) -> None:
        self.folder = folder
        self.clock = NearNow(now)
        self.log = MemoryLog()
        self.context = Context()
        self.hosts: list[SwarmHost] = []
        self.operators: list[FakeOperator] = []
        self.hub: Hub | None = None
        write_directory(folder, settings=settings)
        self.start()

    def start(self) -> None:
        self.mailbox = Mailbox()
        self.directory = open_directory(self.folder)
        self.assembly = Assembly(self.directory, clock=self.clock, log=self.log, mailbox=self.mailbox)
        self.hub = self.assembly.__enter__()
        self.address = self.assembly.endpoints[0]

    def stop(self) -> None:
        if self.hub is not None:
            self.assembly.__exit__(None, None, None)
            self.mailbox.close()
            self.directory.close()
            self.hub = None

    def restart(self, folder: Path | None = None) -> None:
        """End in good order and start again, maybe on another directory; everybody's connection breaks."""
        self.stop()
        self.folder = folder or self.folder
        for host in self.hosts:
            host.disconnect()
        for operator in self.operators:
            operator.link.close()
        self.operators.clear()
        self.start()

    def close(self) -> None:
        for host in self.hosts:
            host.disconnect()
        for operator in self.operators:
            operator.link.close()
        self.stop()
        self.context.close()

    def turn(self) -> None:
        if self.hub is not None:
            self.hub.turn(0.002)
        for host in self.hosts:
            host.turn()
        for operator in self.operators:
            operator.turn()

    def until(self, condition: Callable[[], object], what: str = "what the test waits for") -> None:
        end = self.clock.boottime() + PATIENCE
        while not condition():
            self.turn()
            if self.clock.boottime() > end:
                raise AssertionError(f"{what} did not come; the centre said: {self.log.lines[-12:]}")

    def turns(self, seconds: float) -> None:
        """Let things happen for a while."""
        end = time.clock_gettime(time.CLOCK_BOOTTIME) + seconds
        while time.clock_gettime(time.CLOCK_BOOTTIME) < end:
            self.turn()

    # --- hosts ---------------------------------------------------------------------------------------------

    def host(self, name: str = "library/dom0", *, connect: bool = True) -> SwarmHost:
        host = SwarmHost(name, clock=self.clock, chance=SystemChance())
        self.hosts.append(host)
        if connect:
            host.connect(self.context, self.address)
        return host

    def admitted(self, name: str = "library/dom0", *, ring: str = "stable", admit: bool = True) -> SwarmHost:
        """A host that is admitted and connected."""
        host = self.host(name)
        if admit:
            self.until(lambda: "pending" in host.standing, "pending")
            self.admit(name, ring=ring)
        self.until(lambda: "admitted" in host.standing, "admission")
        return host

    def admit(self, name: str, *, ring: str = "stable", serial: int = 1) -> None:
        envelope = estate.admission_bytes(estate.admission(name, ring=ring, serial=serial))
        self.ask("key.admit", op.Signed(envelope), op.Nothing)

    def revoke(self, name: str) -> None:
        me = estate.admission(name)
        made = Revocation(estate=estate.ESTATE, host=me.host, curve=me.curve, issued=estate.NOW, reason="stolen")
        self.ask("key.revoke", op.Signed(authoring.sign_revocation(made, keys=estate.keys("anna"))), op.Nothing)

    # --- operators -----------------------------------------------------------------------------------------

    def operator(self, name: str = "anna") -> FakeOperator:
        operator = FakeOperator(name, self.context, self.address)
        self.operators.append(operator)
        return operator

    def ask(self, operation: str, arguments: object, gives: type[T], *, by: FakeOperator | None = None) -> T:
        return self.stream(operation, arguments, gives, by=by)[-1]

    def stream(self, operation: str, arguments: object, gives: type[T], *, by: FakeOperator | None = None) -> list[T]:
        """All results of an operation, to its final answer."""
        operator = by or self._anna()
        number = operator.send(operation, arguments)
        self.until(lambda: any(answer.final for answer in operator.to(number)) or operator.cut, operation)
        found: list[T] = []
        for answer in operator.to(number):
            if answer.code:
                raise RefusedHere(answer)
            found.append(codec.decode(gives, answer.result, limit=messages.FRAME_LIMIT))
        return found

    def _anna(self) -> FakeOperator:
        living = [operator for operator in self.operators if not operator.cut]
        return living[0] if living else self.operator()

    def publish(self, made: Authored, *, by: FakeOperator | None = None) -> op.Published:
        operator = by or self._anna()
        self.ask("document.hold", op.Documents(made.documents), op.Nothing, by=operator)
        hashes = tuple(sha256(content) for content in made.documents)
        return self.ask("release.put", op.Publish(release=made.envelope, documents=hashes), op.Published, by=operator)

    def publish_to(self, *names: str, number: int = 2, previous: bytes = b"") -> Authored:
        """Publish the smallest release for these hosts; those that are unknown yet are admitted first."""
        for name in names:
            if name not in self.rows():
                self.admit(name)
        contents = tuple(codec.encode(estate.document(estate.admission(name))) for name in names)
        made = estate.release(estate.draft(number, previous=previous), contents=contents)
        self.publish(made)
        return made

    def other_keys(self) -> list[op.KeyRow]:
        """Keys that are not admitted."""
        found = [row for rows in self.stream("key.list", op.Nothing(), op.KeyRows) for row in rows.rows]
        return [row for row in found if row.state != "admitted"]

    def fill(self, count: int) -> None:
        """So many hosts, past the intake: for what only the number matters."""
        assert self.hub is not None
        for number in range(count):
            made = estate.admission(f"site{number:05}/dom0")
            self.hub.roster.admit(made, KeyRecord(curve=made.curve, state="admitted", admission=b""))

    def upload(self, content: bytes) -> bytes:
        """Upload a blob in pieces; its hash."""
        name = sha256(content)
        for offset in range(0, max(1, len(content)), op.PIECE):
            piece = op.Piece(sha256=name, size=len(content), offset=offset, data=content[offset : offset + op.PIECE])
            self.ask("blob.put", piece, op.Nothing)
        return name

    def rows(self) -> dict[str, op.Row]:
        return {row.host: row for view in self.stream("status.get", op.Nothing(), op.View) for row in view.rows}


def write_directory(
    folder: Path, *, settings: str = "", listen: str = "tcp://127.0.0.1:*", policy: Policy = estate.POLICY
) -> None:
    """What a centre needs to start."""
    (folder / "policy").mkdir(parents=True, exist_ok=True)
    (folder / "policy" / "0001.policy").write_bytes(estate.policy_bytes(policy))
    key = CentreKey(estate=estate.ESTATE, curve=estate.curve("centre").secret, fresh=estate.signing("fresh").seed)
    (folder / "centre.key").write_text(keyfile.write(key))
    (folder / "centre.key").chmod(0o600)
    (folder / "master.toml").write_text(f'listen = ["{listen}"]\n{settings}')
