"""What only the kernel knows of a TCP connection, and what only it can do: ZeroMQ has no calls for these.

A descriptor belongs to ZeroMQ's own thread, which may close it at any moment. So each of these is told about one that
may be gone, or be somebody else's by now: it says "nothing known" then, and never closes anything.
"""

from __future__ import annotations

import os
import socket
import struct
from pathlib import Path
from typing import Final

_INFO: Final = 136
_RECEIVED: Final = struct.Struct("=Q")
_RECEIVED_AT: Final = 128
"""Where `tcpi_bytes_received` stands in the kernel's `struct tcp_info` (linux/tcp.h)."""
_PAGE: Final = os.sysconf("SC_PAGESIZE")


def address(descriptor: int) -> str:
    """Where a connection comes from, e.g. `192.0.2.7`; empty where that is not known."""
    try:
        borrowed = socket.socket(fileno=descriptor)
    except OSError:
        return ""
    try:
        name = borrowed.getpeername()
        return str(name[0]).removeprefix("::ffff:") if isinstance(name, tuple) else ""
    except OSError:
        return ""
    finally:
        borrowed.detach()


def hang_up(descriptor: int) -> None:
    """End a connection: whoever reads it, here and there, sees its end."""
    try:
        borrowed = socket.socket(fileno=descriptor)
    except OSError:
        return
    try:
        borrowed.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # it ended by itself in between, which is what was wanted
    finally:
        borrowed.detach()


def received(descriptor: int) -> int:
    """How many bytes have come on a connection; 0 where that is not known."""
    try:
        borrowed = socket.socket(fileno=descriptor)
    except OSError:
        return 0
    try:
        info = borrowed.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _INFO)
    except OSError:
        return 0
    finally:
        borrowed.detach()
    return int(_RECEIVED.unpack_from(info, _RECEIVED_AT)[0]) if len(info) >= _INFO else 0


def resident() -> int:
    """Bytes of memory that this process uses."""
    try:
        return int(Path("/proc/self/statm").read_bytes().split()[1]) * _PAGE
    except (OSError, ValueError, IndexError):
        return 0
