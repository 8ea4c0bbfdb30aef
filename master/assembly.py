"""Puts the centre together: everything is opened here in the right order, and closed in the reverse.

The order matters: the store before the roster that it fills, the policies before any key is believed, the gate proved
before it is opened, the loop last.
"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Protocol

from orch.common import events as ev
from orch.common.clock import Clock
from orch.common.crypto import SigningKey
from orch.common.errors import OrchError, SettingsError
from orch.common.events import Log
from orch.common.wire import Context, Waiter
from orch.common.wire.centre import CentreSocket
from orch.common.wire.visitors import Room
from orch.master.adapters.mailbox import Mailbox, Worker, Works
from orch.master.blobs import Blobs
from orch.master.centre import Centre
from orch.master.directory import Directory, chain_of, misfits
from orch.master.hub import Ends, Hub, Socket
from orch.master.lines import Door, Lines
from orch.master.publisher import Publisher
from orch.master.roster import Roster
from orch.master.rsyncview import Views
from orch.master.store import Store

LISTENING = ev.Event("listening", ("address", "estate", "hosts", "policy"))


class Gate(Socket, Door, Protocol):
    """Where everybody arrives (wire.CentreSocket)."""

    def bind(self, address: str) -> None:
        """Listen there.

        Raises:
            SettingsError: it cannot.
        """

    @property
    def endpoint(self) -> str:
        """Where it listens."""


class Outside(Protocol):
    """What a centre has around it: threads and a socket, or what a simulation gives instead."""

    def hire(self, mailbox: Mailbox, name: str) -> Works:
        """Somebody who works beside the loop."""

    def store(self, path: Path, mailbox: Mailbox) -> Store:
        """Everything that must survive."""

    def open_gate(self, stack: ExitStack, secret: bytes) -> Gate:
        """Where everybody arrives; closed with the stack."""


class RealOutside:
    """This machine's threads and network."""

    def __init__(self, room: Room | None = None) -> None:
        """`room` is for those at the door who have not said anything yet."""
        self._room = room

    def hire(self, mailbox: Mailbox, name: str) -> Works:
        """A thread."""
        return Worker(mailbox, name)

    def store(self, path: Path, mailbox: Mailbox) -> Store:
        """With threads of its own."""
        return Store(path, mailbox, self.hire)

    def open_gate(self, stack: ExitStack, secret: bytes) -> Gate:
        """A socket with CURVE, proved before it is opened."""
        context = Context()
        stack.callback(context.close)
        socket = CentreSocket(context, secret=secret, room=self._room)
        stack.callback(socket.close)
        socket.prove_gate(context)
        return socket


REAL = RealOutside()


class Assembly:
    """A centre from its directory; a context manager that gives the hub."""

    def __init__(
        self, directory: Directory, *, clock: Clock, log: Log, mailbox: Mailbox, outside: Outside = REAL
    ) -> None:
        """Nothing is opened yet."""
        self._outside = outside
        self._directory = directory
        self._clock = clock
        self._log = log
        self._mailbox = mailbox
        self._stack = ExitStack()
        self.endpoints: list[str] = []

    def __enter__(self) -> Hub:
        """Open everything.

        Raises:
            OrchError: something is not as it must be; what was opened is closed again.
        """
        try:
            return self._open()
        except BaseException:
            self._stack.close()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, err: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close everything; what was asked of the store is finished first."""
        self._stack.close()

    def _open(self) -> Hub:
        directory, stack, settings = self._directory, self._stack, self._directory.settings
        store = self._outside.store(directory.path / "store.db", self._mailbox)
        stack.callback(store.close)
        roster = Roster(self._clock, fresh=SigningKey.from_seed(directory.key.fresh), pending=settings.limits.pending)
        self._fill(roster, store)
        blobs = Blobs(directory.path / "blobs", quota=settings.limits.blobs << 20)
        stack.callback(blobs.close)
        views = Views(directory.path / "views", blobs)
        disk, bench = self._outside.hire(self._mailbox, "disk"), self._outside.hire(self._mailbox, "bench")
        stack.callback(disk.close)
        stack.callback(bench.close)
        socket = self._outside.open_gate(stack, directory.key.curve)
        waiter = Waiter()
        lines = Lines(socket, self._clock)
        centre = Centre(
            settings=settings,
            clock=self._clock,
            log=self._log,
            roster=roster,
            store=store,
            blobs=blobs,
            views=views,
            lines=lines,
            publisher=Publisher(lines, roster, self._clock),
            disk=disk,
            bench=bench,
            started=self._clock.wall(),
        )
        hub = Hub(centre, Ends(socket=socket, mailbox=self._mailbox, waiter=waiter))
        stack.callback(hub.close)
        self._listen(socket, roster)
        return hub

    def _fill(self, roster: Roster, store: Store) -> None:
        loaded = store.load()
        kept = [envelope for _version, envelope in loaded.policies]
        for envelope, made in chain_of(kept):
            roster.take_policy(made, envelope)
        for envelope, made in chain_of(self._directory.policies, roster.maybe_policy):
            roster.take_policy(made, envelope)
            store.put_policy(made.version, envelope, lambda _nothing: None, self._say)
        if roster.maybe_policy is None:
            raise SettingsError("this centre has no policy", hint="copy the estate's folder policy/ to its directory")
        for problem in misfits(roster.policy, self._directory.key):
            self._say(problem)
        roster.restore(loaded)

    def _listen(self, socket: Gate, roster: Roster) -> None:
        for address in self._directory.settings.listen:
            socket.bind(address)
            self.endpoints.append(socket.endpoint)
            self._log.write(
                LISTENING,
                address=socket.endpoint,
                estate=roster.policy.estate,
                hosts=len(roster.hosts),
                policy=roster.policy.version,
            )

    def _say(self, err: OrchError) -> None:
        self._log.write(ev.PROBLEM, code=err.code, text=err.text, hint=err.hint)
