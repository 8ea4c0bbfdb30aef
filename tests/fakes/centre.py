"""A centre in one thread: real sockets, the real CentreSession, no store. For tests of a host's real processes.

It signs with the keys of `signed_estate`, keeps reports in a list, and serves rsync from a folder.
"""

from __future__ import annotations

import os
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from orch.common import attest, messages, session, transfer
from orch.common.clock import SystemClock
from orch.common.release import Fresh
from orch.common.session import Answer, CentreSession, Cut, Head, Heard, Known, Relay, Requested, StoreReport
from orch.common.wire import Context, Waiter
from orch.common.wire.centre import CentreSocket, Received
from tests.fakes import signed_estate as estate


@dataclass
class _Stream:
    peer: bytes
    process: subprocess.Popen[bytes]
    may: int = transfer.WINDOW
    pending: deque[bytes] = field(default_factory=deque)

    @property
    def out(self) -> int:
        assert self.process.stdout is not None
        return self.process.stdout.fileno()


class StandInCentre:
    """Everything that a centre must be for one or two hosts. Call its methods from the test's thread."""

    def __init__(self, tree: Path) -> None:
        self.tree = tree
        self.reports: list[bytes] = []
        self.relayed: list[messages.Message] = []
        self.requests: list[bytes] = []
        self.streams = 0
        self.acknowledge = True
        self.heard: Callable[[messages.Message], None] = lambda _message: None  # told what hosts say, in its own thread
        self._lock = threading.RLock()
        self._admissions: dict[bytes, bytes] = {}
        self._heads: dict[bytes, Head] = {}
        self._committed: dict[bytes, int] = {}
        self._policies: list[tuple[int, bytes]] = []
        self._peers: dict[bytes, CentreSession] = {}
        self._pipes: dict[bytes, _Stream] = {}
        self._clock = SystemClock()
        self._stop = False
        self._address = "tcp://127.0.0.1:*"
        self._open()

    # --- for the test -------------------------------------------------------------------------------

    @property
    def address(self) -> str:
        return self._address

    def admit(self, curve: bytes, envelope: bytes) -> None:
        with self._lock:
            self._admissions[curve] = envelope

    def publish(self, curve: bytes, head: Head) -> None:
        with self._lock:
            self._heads[curve] = head

    def close(self) -> None:
        """Go down; `reopen` comes back at the same address with what was committed."""
        self._stop = True
        self._thread.join()

    def reopen(self) -> None:
        self._stop = False
        self._peers.clear()
        self._open()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- session.View -------------------------------------------------------------------------------

    def known(self, curve: bytes) -> Known:
        return Known.ADMITTED if curve in self._admissions else Known.STRANGER

    def policies_after(self, version: int) -> Sequence[tuple[int, bytes]]:
        return [item for item in self._policies if item[0] > version]

    def admission(self, curve: bytes) -> tuple[int, bytes]:
        return (1, self._admissions[curve]) if curve in self._admissions else (0, b"")

    def head(self, curve: bytes) -> Head | None:
        return self._heads.get(curve)

    def reset(self, curve: bytes) -> bytes:
        return b""

    def committed(self, curve: bytes) -> int:
        return self._committed.get(curve, 0)

    def prove(self, curve: bytes, nonce: bytes) -> bytes:
        head = self._heads.get(curve)
        made = Fresh(
            estate=estate.ESTATE,
            curve=curve,
            nonce=nonce,
            policy=1,
            epoch=head.epoch if head else 0,
            number=head.number if head else 0,
            release=head.release if head else b"",
            time=self._clock.wall(),
        )
        return attest.sign_fresh(made, estate.signing("fresh"))

    # --- the thread ---------------------------------------------------------------------------------

    def _open(self) -> None:
        self._context = Context(sockets=64)
        self._socket = CentreSocket(self._context, secret=estate.curve("centre").secret)
        self._socket.bind(self._address)
        self._address = self._socket.endpoint
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while not self._stop:
            waiter = Waiter()
            waiter.add(self._socket)
            for pipe in self._pipes.values():
                if pipe.may > 0:
                    waiter.add(pipe.out)
            waiter.wait(0.1)
            with self._lock:
                self._round()
        for pipe in self._pipes.values():
            self._end(pipe)
        self._pipes.clear()
        self._socket.close()
        self._context.close()

    def _round(self) -> None:
        for item in self._socket.receive():
            self._received(item)
        for peer in self._socket.gone():
            self._peers.pop(peer, None)
            if (pipe := self._pipes.pop(peer, None)) is not None:
                self._end(pipe)
        for peer, talk in tuple(self._peers.items()):
            self._do(peer, talk, talk.changed(self, self._clock.boottime()))
        for pipe in tuple(self._pipes.values()):
            self._carry(pipe)

    def _received(self, item: Received) -> None:
        message = messages.from_frames(item.frames)
        self.heard(message)
        match message:
            case messages.StreamOpen():
                self._stream(item.peer)
            case messages.StreamData(piece=piece):
                self._pipes[item.peer].pending.append(piece)
            case messages.StreamCredit(pieces=pieces):
                self._pipes[item.peer].may += pieces
            case messages.StreamEnd():
                self._flush(self._pipes[item.peer])
                stdin = self._pipes[item.peer].process.stdin
                assert stdin is not None
                stdin.close()
            case _:
                talk = self._peers.setdefault(item.peer, CentreSession(item.key))
                self._do(item.peer, talk, talk.received(message, self, self._clock.boottime()))

    def _do(self, peer: bytes, talk: CentreSession, effects: Sequence[session.CentreEffect]) -> None:
        for effect in effects:
            match effect:
                case Answer(message=message):
                    self._socket.send(peer, messages.to_frames(message))
                case Requested(envelope=envelope):
                    self.requests.append(envelope)
                case StoreReport():
                    self._store(peer, talk, effect)
                case Relay(message=message):
                    self.relayed.append(message)
                case Cut():
                    self._socket.cut(peer)
                case Heard():
                    continue

    def _store(self, peer: bytes, talk: CentreSession, report: StoreReport) -> None:
        if self.acknowledge and report.sequence == self.committed(talk.curve) + 1:
            self.reports.append(report.envelope)
            self._committed[talk.curve] = report.sequence
            self._do(peer, talk, talk.committed(report.sequence))

    # --- rsync --------------------------------------------------------------------------------------

    def _stream(self, peer: bytes) -> None:
        self.streams += 1
        process = subprocess.Popen(
            ["/usr/bin/rsync", *transfer.server_arguments(f"{self.tree}/")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
        )
        pipe = _Stream(peer, process)
        os.set_blocking(pipe.out, False)
        self._pipes[peer] = pipe

    def _carry(self, pipe: _Stream) -> None:
        self._flush(pipe)
        while pipe.may > 0:
            try:
                piece = os.read(pipe.out, transfer.PIECE)
            except BlockingIOError:
                return
            if not piece:
                status = pipe.process.wait()
                self._socket.send(pipe.peer, messages.to_frames(messages.StreamEnd(status=status)))
                self._end(self._pipes.pop(pipe.peer))
                return
            pipe.may -= 1
            self._socket.send(pipe.peer, messages.to_frames(messages.StreamData(piece=piece)))

    def _flush(self, pipe: _Stream) -> None:
        stdin = pipe.process.stdin
        assert stdin is not None
        count = len(pipe.pending)
        while pipe.pending:
            stdin.write(pipe.pending.popleft())
        if count:
            self._socket.send(pipe.peer, messages.to_frames(messages.StreamCredit(pieces=count)))

    def _end(self, pipe: _Stream) -> None:
        pipe.process.kill()
        pipe.process.wait()
        for end in (pipe.process.stdin, pipe.process.stdout):
            assert end is not None
            end.close()
