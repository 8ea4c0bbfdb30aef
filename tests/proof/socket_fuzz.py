"""The centre's port against whoever finds it: before CURVE, as a stranger after it, with a host's key, with an operator's.

A case is one hostile connection to a real centre on loopback. Before CURVE it says noise, or a real client's handshake
that was recorded and changed. After it, it says changed messages of every kind. All along an honest host asks, reports
and is answered; the centre notes no mistake of its own and keeps no descriptor.
"""

from __future__ import annotations

import os
import shutil
import socket
import struct
import tempfile
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from random import Random

from orch.common import codec, messages
from orch.common.operations import OPERATIONS
from orch.common.wire import Dial, Event, Keys, Link, make_keys
from tests.fakes import signed_estate as estate
from tests.fakes.running_centre import RunningCentre
from tests.proof.family import Case, Family
from tests.proof.invent import invent
from tests.proof.mutate import bent, changed
from tests.proof.signed import OTHERS

HONEST, TRAITOR = "library/dom0", "site1/dom0"
SILENT = 24
"""Connections before CURVE that stay open and say no more."""
ASKS = 10
"""Cases between two words of the honest host."""
DESCRIPTORS = 400
OF_HOSTS = (messages.Hello, messages.Ask, messages.Reported, messages.Progress, messages.Planned, messages.StreamCredit)
FIRST = (
    b"GET / HTTP/1.0\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"SSH-2.0-x\r\n",
    b"\xff" * 10,
    b"\x00" * 64,
)


class Ground:
    """A centre, an honest host, and a handshake that was recorded."""

    def __init__(self, folder: Path) -> None:
        """Start it."""
        self.centre = RunningCentre(folder)
        self.honest = self.centre.admitted(HONEST)
        self.centre.admit(TRAITOR)
        self.place = ("127.0.0.1", int(self.centre.address.rpartition(":")[2]))
        self.handshake = self._recorded()
        self.silent: deque[socket.socket] = deque()

    def close(self) -> None:
        """End it."""
        for raw in self.silent:
            raw.close()
        self.centre.close()

    def case(self, number: int, fall: Random) -> None:
        """One hostile connection; the honest host looks after some."""
        (self.before_curve, self.stranger, self.traitor, self.thief)[number % 4](fall)
        said = [line for line in self.centre.log.said("problem") if line["code"] == "mistake"]
        if said:
            raise AssertionError(f"the centre made a mistake: {said}")
        self.centre.log.lines.clear()
        if number % ASKS == 0:
            self.look()

    def look(self) -> None:
        """The honest host is answered, its report is kept, and nothing is left open."""
        before, sequence = len(self.honest.fresh), self.honest.report()
        self.honest.ask()
        self.honest.turn()
        self.centre.until(lambda: len(self.honest.fresh) > before, "an answer to the honest host")
        self.centre.until(lambda: self.honest.acknowledged >= sequence, "the honest host's report")
        if Event.DOWN in self.honest.events:
            raise AssertionError("the honest host was cut off")
        self.honest.fresh.clear()
        self.honest.heard.clear()
        if (count := len(os.listdir("/proc/self/fd"))) > DESCRIPTORS:  # noqa: PTH208  a count, many times over
            raise AssertionError(f"{count} descriptors are open")

    # --- before CURVE --------------------------------------------------------------------------------------

    def before_curve(self, fall: Random) -> None:
        """Bytes, in pieces, and then silence or a sudden end."""
        raw = socket.create_connection(self.place, timeout=5)
        raw.settimeout(0)
        with suppress(OSError):
            for piece in self.pieces(fall):
                raw.send(piece)
                self.centre.turn()
                with suppress(BlockingIOError):
                    raw.recv(4096)
        self.silent.append(raw)
        if len(self.silent) > SILENT:
            oldest = self.silent.popleft()
            if fall.random() < 0.5:
                oldest.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            oldest.close()

    def pieces(self, fall: Random) -> list[bytes]:
        """What is said before CURVE."""
        if fall.random() < 0.2:
            return [fall.choice((*FIRST, fall.randbytes(fall.randint(1, 400))))]
        said = list(self.handshake[: fall.randint(1, len(self.handshake))])
        at = fall.randrange(len(said))
        said[at] = changed(said[at], self.handshake, fall)[:4096]
        if fall.random() < 0.2:
            said.append(
                b"\x06" + struct.pack(">Q", fall.choice((1 << 20, 1 << 31, 1 << 62))) + b"\x05HELLO" + bytes(400)
            )
        return said

    def _recorded(self) -> tuple[bytes, ...]:
        """What a real client says until it is connected: greeting, HELLO, INITIATE, in the pieces that it sent."""
        door = socket.create_server(("127.0.0.1", 0))
        keys = make_keys()
        server = estate.curve("centre").public
        link = Link(
            self.centre.context, Dial(address=f"tcp://127.0.0.1:{door.getsockname()[1]}", server=server, keys=keys)
        )
        client, _ = door.accept()
        centre = socket.create_connection(self.place, timeout=5)
        client.settimeout(0)
        centre.settimeout(0)
        said: list[bytes] = []

        def up() -> bool:
            with suppress(BlockingIOError):
                said.append(client.recv(4096))
                centre.sendall(said[-1])
            with suppress(BlockingIOError):
                client.sendall(centre.recv(4096))
            return Event.UP in link.events()

        self.centre.until(up, "a handshake")
        for end in (link, client, centre, door):
            end.close()
        return tuple(piece for piece in said if piece)

    # --- after it ------------------------------------------------------------------------------------------

    def stranger(self, fall: Random) -> None:
        """The centre's right key, and a key of its own."""
        self.say(make_keys(), fall)

    def traitor(self, fall: Random) -> None:
        """An admitted host's key."""
        self.say(_keys(TRAITOR), fall)

    def thief(self, fall: Random) -> None:
        """An operator's login key."""
        self.say(_keys("bert"), fall, operator=True)

    def say(self, keys: Keys, fall: Random, *, operator: bool = False) -> None:
        """Some messages, until the centre hangs up or has heard them."""
        link = Link(
            self.centre.context, Dial(address=self.centre.address, server=estate.curve("centre").public, keys=keys)
        )
        try:
            self.centre.until(link.events, "a handshake")
            for frames in said(fall, operator=operator):
                link.send(frames)
            for _ in range(4):
                self.centre.turn()
                link.receive()
                if Event.DOWN in link.events():
                    return
        finally:
            link.close()


def _keys(name: str) -> Keys:
    key = estate.curve(name)
    return Keys(key.public, key.secret)


def said(fall: Random, *, operator: bool) -> Iterator[tuple[bytes, ...]]:
    """One to three messages of any kind, most of them changed; a host's come after a good first word more often than not."""
    usual = (messages.Request,) if operator else OF_HOSTS
    if not operator and fall.random() < 0.7:
        yield messages.to_frames(_first_word(fall))
    for _ in range(fall.choice((1, 2, 3))):
        kind = fall.choice(usual if fall.random() < 0.8 else messages.ALL)
        frames = list(messages.to_frames(_request(fall) if kind is messages.Request else invent(kind, fall)))
        for at in range(1, len(frames)):
            if fall.random() < 0.5:
                frames[at] = changed(fall.choice(OTHERS), OTHERS, fall)
        if fall.random() < 0.6:
            at = fall.randrange(len(frames))
            frames[at] = (
                bent(frames[at], fall) if at == 0 and fall.random() < 0.7 else changed(frames[at], OTHERS, fall)
            )
        if fall.random() < 0.1:
            frames = (frames * 3)[: fall.randint(0, 7)] or [b""]
        if fall.random() < 0.01:
            frames.append(bytes(fall.choice((messages.FRAME_LIMIT, messages.FRAME_LIMIT + 1))))
        yield tuple(frames)


def _first_word(fall: Random) -> messages.Message:
    if fall.random() < 0.1:
        return messages.StreamOpen(document=fall.randbytes(32), credit=fall.choice((0, 1, 1 << 40)))
    made: messages.Hello = invent(messages.Hello, fall)
    return replace(made, protocol=messages.PROTOCOL, lowest=messages.LOWEST_PROTOCOL)


def _request(fall: Random) -> messages.Request:
    name = fall.choice([*OPERATIONS, "no.such"])
    takes = OPERATIONS[name].takes if name in OPERATIONS else messages.Pending
    arguments = codec.encode(invent(takes, fall))
    if fall.random() < 0.5:
        arguments = fall.choice((bent, lambda data, _fall: changed(data, OTHERS, fall)))(arguments, fall)
    return messages.Request(id=fall.randrange(9), protocol=messages.PROTOCOL, operation=name, arguments=arguments)


@contextmanager
def _open() -> Iterator[Case]:
    folder = Path(tempfile.mkdtemp(prefix="orch-proof-"))
    ground = Ground(folder / "centre")
    try:
        yield ground.case
    finally:
        ground.close()
        shutil.rmtree(folder)


FAMILY = Family(
    name="socket",
    about="a hostile connection to a real centre: before CURVE, as a stranger, with a host's key, with an operator's; honest "
    "hosts are answered all along, nothing is noted as a mistake, memory and descriptors stay flat",
    whole=100_000,
    sample=200,
    open=_open,
    flat=True,
)
