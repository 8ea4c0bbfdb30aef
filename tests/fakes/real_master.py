"""orch-master in a process of its own, as it is run: for what only a real process has, its death and its limits."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from orch.common import operations as op
from orch.common import trust
from orch.common.clock import SystemChance, SystemClock
from orch.common.messages import Answer
from orch.common.wire import Context, Event
from orch.master.adapters.mailbox import Mailbox
from orch.master.store import Store
from tests.fakes import signed_estate as estate
from tests.fakes.running_centre import FakeOperator, RefusedHere, write_directory
from tests.fakes.swarmhost import SwarmHost

TOP = Path(__file__).parents[2]
PATIENCE = 30.0


class Master:
    """orch-master in a process of its own, and a host that talks to it from this one."""

    def __init__(self, folder: Path, *, descriptors: int = 0, settings: str = "") -> None:
        self.folder = folder
        self._under = ["prlimit", f"--nofile={descriptors}:{descriptors}"] if descriptors else []
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._door = ("127.0.0.1", int(probe.getsockname()[1]))
        self.address = f"tcp://{self._door[0]}:{self._door[1]}"
        write_directory(folder, listen=self.address, settings=settings)
        self.clock = SystemClock()
        self.context = Context()
        self.host = SwarmHost("library/dom0", clock=self.clock, chance=SystemChance())
        self.child: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        return self.folder / "log"

    def start(self, *, under: Sequence[str] = ()) -> None:
        with self.log.open("ab") as log:
            self.child = subprocess.Popen(
                [*self._under, *under, sys.executable, "-m", "orch.master", "--directory", str(self.folder)],
                env={"PYTHONPATH": str(TOP), "PATH": "/usr/bin:/bin"},
                stderr=log,
            )

    def kill(self, number: signal.Signals = signal.SIGKILL) -> int:
        assert self.child is not None
        self.child.send_signal(number)
        status = self.child.wait(timeout=30)
        self.child = None
        return status

    @property
    def pid(self) -> int:
        """Its process."""
        assert self.child is not None
        return self.child.pid

    def alive(self) -> bool:
        return self.child is not None and self.child.poll() is None

    def end(self) -> None:
        """Leave nothing behind, however far it came."""
        self.host.disconnect()
        self.context.close()
        if self.child is not None:
            self.kill()

    def listens(self) -> bool:
        """Whether somebody is at the door."""
        try:
            socket.create_connection(self._door, timeout=1.0).close()
        except OSError:
            return False
        return True

    def connect(self) -> None:
        """Dial until the centre is there."""
        if not self.connect_or_die():
            raise AssertionError("the centre died at its start")

    def connect_or_die(self) -> bool:
        """Dial until the centre is there, or dead."""
        end = self.clock.boottime() + PATIENCE
        while self.alive() and self.clock.boottime() < end:
            if not self.listens():  # each try is a socket that goes a while after its end, and a start may take long
                time.sleep(0.05)
                continue
            self.host.events.clear()
            self.host.connect(self.context, self.address)
            attempt = self.clock.boottime() + 1.0
            while self.clock.boottime() < attempt and Event.DOWN not in self.host.events:
                self.host.turn()
                if Event.UP in self.host.events:
                    return True
        if self.alive():
            raise AssertionError("the centre does not come up")
        return False

    def until(self, condition: Callable[[], object]) -> None:
        end = self.clock.boottime() + PATIENCE
        while not condition():
            self.host.turn()
            if self.clock.boottime() > end:
                raise AssertionError("what the test waits for did not come")

    def admit(self) -> None:
        self.ask("key.admit", op.Signed(estate.admission_bytes(estate.admission())))

    def ask(self, operation: str, arguments: object) -> Answer:
        """An operator asks for something; his connection is a new one each time."""
        (answer,) = self.ask_all((operation, arguments))
        return answer

    def ask_all(self, *asked: tuple[str, object]) -> list[Answer]:
        """One thing after the other on one connection; the last answer to each.

        Raises:
            RefusedHere: one was refused.
        """
        operator = self._operator()
        found = []
        try:
            for operation, arguments in asked:
                found.append(self._answer(operator, operator.send(operation, arguments)))
                if found[-1].code:
                    raise RefusedHere(found[-1])
        finally:
            operator.link.close()
        return found

    def _operator(self) -> FakeOperator:
        """One that is connected: on a busy machine a centre may end a handshake that takes too long."""
        end = self.clock.boottime() + PATIENCE
        while True:
            operator = FakeOperator("anna", self.context, self.address)
            while not operator.cut and self.clock.boottime() < end:
                self.host.turn()
                operator.turn()
                if Event.UP in operator.events:
                    return operator
            operator.link.close()
            time.sleep(0.05)
            if self.clock.boottime() > end:
                raise AssertionError("no operator gets through to the centre")

    def _answer(self, operator: FakeOperator, number: int) -> Answer:
        def answered() -> bool:
            operator.turn()
            return any(answer.final for answer in operator.to(number))

        self.until(answered)
        return operator.to(number)[-1]

    def kept(self) -> list[int]:
        """Sequences that are in the database, in the order in which they were committed."""
        return [trust.read_report(envelope).sequence for envelope in kept(self.folder, self.host.public)]


def kept(folder: Path, curve: bytes) -> list[bytes]:
    """A host's reports in the database of this centre, in the order in which they were committed."""
    mailbox, found = Mailbox(), list[tuple[bytes, ...]]()
    store = Store(folder / "store.db", mailbox)
    store.newest_reports(curve, (10_000, 1 << 30), found.append, lambda err: None)
    store.close()
    for letter in mailbox.take():
        letter()
    mailbox.close()
    return list(reversed(found[0]))
