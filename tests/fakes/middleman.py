"""Somebody between a host and the centre, on loopback: a relay that can go deaf, and a SOCKS5 proxy.

A deaf relay takes nothing and gives nothing, and both its connections stay open: what a NAT box does that has forgotten
them. One thread, which ends with `close`.
"""

from __future__ import annotations

import select
import socket
import threading
from types import TracebackType
from typing import Self

NO_PASSWORD = b"\x05\x00"
GRANTED = b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00"


class Middleman:
    """Passes on what comes."""

    def __init__(self, port: int) -> None:
        self._port = port  # where to pass it on, on this machine
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.asked: list[tuple[str, int]] = []
        self.deaf = False
        self._over = False
        self._pairs: dict[socket.socket, socket.socket] = {}
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over = True
        self._thread.join()
        for each in (self._listener, *self._pairs):
            each.close()

    def greet(self, near: socket.socket) -> int:
        """What is said before anything is passed on; the port to pass it on to."""
        return self._port

    def _serve(self) -> None:
        while not self._over:
            watched = [self._listener, *(() if self.deaf else self._pairs)]
            for each in select.select(watched, [], [], 0.02)[0]:
                if each is self._listener:
                    self._accept()
                elif each in self._pairs:
                    self._pass_on(each)

    def _accept(self) -> None:
        near = self._listener.accept()[0]
        far = socket.create_connection(("127.0.0.1", self.greet(near)))
        self._pairs[near], self._pairs[far] = far, near

    def _pass_on(self, source: socket.socket) -> None:
        target = self._pairs[source]
        try:
            data = source.recv(65536)
            target.sendall(data)
        except OSError:
            data = b""
        if not data:
            del self._pairs[source], self._pairs[target]
            source.close()
            target.close()


class Proxy(Middleman):
    """A SOCKS5 proxy (RFC 1928) without passwords; it keeps what it was asked for, names as they were said."""

    def greet(self, near: socket.socket) -> int:
        _version, methods = near.recv(2)
        near.recv(methods)
        near.sendall(NO_PASSWORD)
        _version, _connect, _reserved, kind = near.recv(4)
        if kind == 3:
            host = near.recv(near.recv(1)[0]).decode()
        else:
            host = socket.inet_ntop(
                *((socket.AF_INET, near.recv(4)) if kind == 1 else (socket.AF_INET6, near.recv(16)))
            )
        port = int.from_bytes(near.recv(2), "big")
        self.asked.append((host, port))
        near.sendall(GRANTED)
        return port
