"""A way through a SOCKS5 proxy (RFC 1928) for one connection.

ZeroMQ can do SOCKS itself, and ends the whole process ("Bad file descriptor", epoll.cpp) where the proxy refuses. So it
dials a Unix socket of this process instead; what it says there goes to the proxy, after the words that SOCKS wants.

Invariants:
- names are resolved by the proxy, not here;
- nothing listens on a network: the Unix socket has an abstract name from the kernel, takes one connection, and that of
  this very process only;
- at most `ROOM` bytes wait each way: who sends faster than the other side takes is held up, as by TCP itself;
- whatever the proxy does, this ends with a reason in words (`trouble`), and the connection ends with it.

Called by link.py.
"""

from __future__ import annotations

import ipaddress
import os
import select
import socket
import struct
import threading
from dataclasses import dataclass, field
from typing import Final

from orch.common.errors import Unreachable

ROOM: Final = 64 << 10
_VERSION: Final = 5
_OPEN: Final = 0
"""Without a password: a host's settings can be read by everybody on it."""
_GREETING: Final = bytes([_VERSION, 1, _OPEN])
_CONNECT: Final = b"\x05\x01\x00"
_IPV4, _NAME, _IPV6 = 1, 3, 4
_REFUSALS: Final = {
    1: "something went wrong",
    2: "its rules do not allow it",
    3: "the centre's network is not reachable",
    4: "the centre is not reachable, or its name is not known there",
    5: "the centre refuses the connection",
    6: "no answer came in time",
    7: "it makes no connections",
    8: "it does not take this kind of address",
}
_NOT_SOCKS: Final = "does not speak SOCKS 5"
_PEER: Final = struct.Struct("=iII")


def _place(text: str) -> tuple[str, int]:
    """Host and port; an empty host where it is not both."""
    host, _colon, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    fits = port.isascii() and port.isdecimal() and 0 < int(port) < 65536 and 0 < len(host.encode()) <= 255
    return (host, int(port)) if fits else ("", 0)


@dataclass(slots=True)
class _Way:
    """One direction."""

    source: socket.socket
    target: socket.socket
    waiting: bytearray = field(default_factory=bytearray)
    ended: bool = False  # nothing more comes
    lost: bool = False  # nothing more goes

    @property
    def is_over(self) -> bool:
        return self.lost or (self.ended and not self.waiting)

    @property
    def has_room(self) -> bool:
        return not self.ended and len(self.waiting) < ROOM

    def take(self) -> None:
        try:
            piece = self.source.recv(ROOM)
        except BlockingIOError:
            return
        except OSError:
            piece = b""  # a reset is an end too
        self.waiting += piece
        self.ended = not piece

    def give(self) -> None:
        try:
            del self.waiting[: self.target.send(self.waiting)]
        except BlockingIOError:
            return
        except OSError:
            self.lost = True


class Relay:
    """One connection to a centre by way of a proxy; it ends with `close`, or when either side ends."""

    def __init__(self, proxy: str, address: str, *, patience: float) -> None:
        """Wait for this process to connect to `endpoint`; then the proxy is asked, and waited for at each answer.

        Raises:
            Unreachable: the proxy's or the centre's address is none.
        """
        self._name, self._patience = proxy, patience
        self._proxy, self._centre = _place(proxy), _place(address.removeprefix("tcp://"))
        if not self._proxy[0]:
            hint = "write HOST:PORT as proxy in host.toml"
            raise Unreachable(f"the proxy {proxy!r} is not an address", hint=hint)
        if not address.startswith("tcp://") or not self._centre[0]:
            raise Unreachable(f"{address} is not an address")
        self.trouble = ""
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind("")  # the kernel finds a name (unix(7), autobind)
        self._listener.listen(4)
        self._stop, self._stopped = socket.socketpair()
        # A daemon, and nobody waits for its end: looking up the proxy's name cannot be interrupted.
        threading.Thread(target=self._run, name="relay", daemon=True).start()

    @property
    def endpoint(self) -> str:
        """For ZeroMQ."""
        return f"ipc://@{self._listener.getsockname()[1:].decode()}"

    def close(self) -> None:
        """End it."""
        self._stop.close()

    def _run(self) -> None:
        near: socket.socket | None = None
        far: socket.socket | None = None
        try:
            if (near := self._ours()) is not None:
                far = socket.create_connection(self._proxy, timeout=self._patience)
                self._ask(far)
                self._pump(near, far)
        except Unreachable as err:
            self.trouble = f"the proxy {self._name} {err.text}"
        except OSError as err:
            doing = "ended the connection" if far else f"is not reached: {err.strerror or err}"
            self.trouble = f"the proxy {self._name} {doing}"
        finally:
            for each in (far, near, self._listener, self._stopped):
                if each is not None:
                    each.close()

    def _ours(self) -> socket.socket | None:
        """ZeroMQ's connection; none where this ends first."""
        while self._stopped not in (ready := select.select([self._listener, self._stopped], [], [])[0]):
            if self._listener in ready:
                near = self._listener.accept()[0]
                peer = near.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size)
                if _PEER.unpack(peer)[0] == os.getpid():
                    return near
                near.close()  # whoever that is: abstract names are open to every process of this machine
        return None

    # --- what SOCKS wants ---------------------------------------------------------------------------------------

    def _ask(self, far: socket.socket) -> None:
        far.sendall(_GREETING)
        version, method = self._read(far, 2)
        if version != _VERSION:
            raise Unreachable(_NOT_SOCKS)
        if method != _OPEN:
            raise Unreachable("wants a password, and orch has none to give")
        far.sendall(_CONNECT + _target(*self._centre))
        version, answer, _reserved, kind = self._read(far, 4)
        if version != _VERSION:
            raise Unreachable(_NOT_SOCKS)
        if answer:
            raise Unreachable(f"does not connect: {_REFUSALS.get(answer, f'error {answer}')}")
        sizes = {_IPV4: 4, _IPV6: 16}
        size = self._read(far, 1)[0] if kind == _NAME else sizes.get(kind)
        if size is None:
            raise Unreachable(_NOT_SOCKS)
        self._read(far, size + 2)  # where it connects from, which is nobody's business here

    def _read(self, far: socket.socket, size: int) -> bytes:
        """Exactly so many bytes, none of what follows: that is for ZeroMQ."""
        found = b""
        while len(found) < size:
            ready = select.select([far, self._stopped], [], [], self._patience)[0]
            if not ready or self._stopped in ready:
                raise Unreachable("does not answer")
            piece = far.recv(size - len(found))
            if not piece:
                raise Unreachable("ended the connection")
            found += piece
        return found

    # --- afterwards -----------------------------------------------------------------------------------------------

    def _pump(self, near: socket.socket, far: socket.socket) -> None:
        near.setblocking(False)
        far.setblocking(False)
        there, back = _Way(near, far), _Way(far, near)
        while not (there.is_over or back.is_over):
            sources = [way.source for way in (there, back) if way.has_room]
            targets = [way.target for way in (there, back) if way.waiting]
            ready, free, _odd = select.select([*sources, self._stopped], targets, [])
            if self._stopped in ready:
                return
            for way in (there, back):
                if way.source in ready:
                    way.take()
                if way.target in free:
                    way.give()
        if back.ended or there.lost:
            self.trouble = f"the proxy {self._name} ended the connection"


def _target(host: str, port: int) -> bytes:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        name = host.encode()
        return bytes([_NAME, len(name)]) + name + port.to_bytes(2, "big")
    return bytes([_IPV4 if address.version == 4 else _IPV6]) + address.packed + port.to_bytes(2, "big")
