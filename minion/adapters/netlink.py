"""Questions to this machine's kernel (netlink(7)): each is one message, the answers are bodies of messages.

Nothing goes over a network: the other end is the kernel, in the network namespace of this process.

Sources: linux/netlink.h.

Called by netfilter.py and sockets.py.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from typing import Final, Self

_HEADER: Final = struct.Struct("=IHHII")
"""Length, type, flags, sequence, port: struct nlmsghdr."""
_REQUEST, _DUMP = 0x1, 0x300
_ERROR, _DONE, _INTERRUPTED = 2, 3, 0x10
_READ: Final = 1 << 18
_PATIENCE: Final = 5.0
"""Seconds for an answer that the kernel gives at once."""


class Changed(OSError):
    """What was asked for changed while it was told."""


class Kernel:
    """A socket to one of the kernel's protocols."""

    def __init__(self, protocol: int) -> None:
        """Open it.

        Raises:
            OSError: this kernel has no such protocol, or the process may not use it.
        """
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, protocol)
        self._socket.settimeout(_PATIENCE)
        self._number = 0

    def __enter__(self) -> Self:
        """Closed at the end."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self._socket.close()

    def one(self, kind: int, body: bytes) -> bytes:
        """The answer to a question that has one; empty for none.

        Raises:
            OSError: the kernel refuses.
        """
        return next(self._ask(kind, body, _REQUEST), b"")

    def every(self, kind: int, body: bytes) -> Iterator[bytes]:
        """All answers to a question.

        Raises:
            Changed: they are not of one moment.
            OSError: the kernel refuses.
        """
        yield from self._ask(kind, body, _REQUEST | _DUMP)

    def _ask(self, kind: int, body: bytes, flags: int) -> Iterator[bytes]:
        self._number += 1
        self._socket.send(_HEADER.pack(_HEADER.size + len(body), kind, flags, self._number, 0) + body)
        while True:
            data = self._socket.recv(_READ)
            while data:
                length, told, marks, number, _port = _HEADER.unpack_from(data)
                word, data = data[_HEADER.size : length], data[(max(length, _HEADER.size) + 3) & ~3 :]
                if number != self._number:
                    continue  # the rest of an earlier answer
                if marks & _INTERRUPTED:
                    raise Changed("it changed while it was told")
                if told == _ERROR:
                    raise OSError("the kernel refuses to tell")
                if told == _DONE:
                    return
                yield word
