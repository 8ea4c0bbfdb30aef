"""A SOCKS5 proxy that does not do what it should: each connection gets the same answers, then nothing, or its end."""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Sequence
from types import TracebackType
from typing import Self


class BadProxy:
    """Answers each thing that it is told with the next of its answers."""

    def __init__(self, *answers: bytes, hangs: bool = False) -> None:
        self._answers: Sequence[bytes] = answers
        self._hangs = hangs
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._over, self._ends = socket.socketpair()
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.connections = 0
        self._held: list[socket.socket] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.close()
        self._thread.join()
        for each in (self._listener, self._ends, *self._held):
            each.close()

    def _serve(self) -> None:
        while self._ends not in select.select([self._listener, self._ends], [], [])[0]:
            near = self._listener.accept()[0]
            self.connections += 1
            self._held.append(near)
            for answer in self._answers:
                if self._ends in select.select([near, self._ends], [], [])[0] or not near.recv(4096):
                    break
                near.sendall(answer)
            if not self._hangs:
                near.close()
