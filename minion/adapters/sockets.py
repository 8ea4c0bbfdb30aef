"""Who listens on this host, as the kernel says: no program runs, nothing is asked over a network.

What counts: TCP sockets in LISTEN, UDP and raw sockets that are bound and connected to nobody, in the network namespace
of this process. A socket bound to a loopback address counts too: what to make of it is the caller's business.

TCP's are asked for by state (sock_diag(7)), as /proc/net/tcp goes through a table of all connections of the machine: on
one with 24 GB that is 4 ms each time, with one connection or with thousands. A kernel without the module for it is
read from /proc (proc(5)), as are the few sockets of UDP's and raw ones.

Called by machine.py.
"""

from __future__ import annotations

import ipaddress
import socket
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from orch.minion.adapters.netlink import Kernel

_PROC: Final = Path("/proc/self/net")
_WAITING: Final = {"tcp": "0A", "tcp6": "0A", "udp": "07", "udp6": "07", "raw": "07", "raw6": "07"}
"""File in /proc/net, and the state of a socket that waits for anybody (linux/include/net/tcp_states.h)."""
_FAMILIES: Final = {"tcp": (socket.AF_INET, 4), "tcp6": (socket.AF_INET6, 16)}
"""Address family, and bytes of an address."""

# linux/sock_diag.h, linux/inet_diag.h
_SOCK_DIAG, _BY_FAMILY = 4, 20
_LISTEN: Final = 10
_ASKED: Final = struct.Struct("=BBBBI48x")
_PORT: Final = struct.Struct("!H")


def listeners() -> tuple[str, ...]:
    """Every socket that waits for somebody, such as `tcp 0.0.0.0:22` or `tcp6 [::]:22`, sorted."""
    try:
        told = {line for name in _FAMILIES for line in _asked(name)}
    except OSError:  # this kernel does not answer such questions
        return from_proc()
    return tuple(sorted(told.union(*(_read(_PROC, name) for name in _WAITING if name not in _FAMILIES))))


def from_proc(folder: Path = _PROC) -> tuple[str, ...]:
    """The same, all of it read from files."""
    return tuple(sorted({line for name in _WAITING for line in _read(folder, name)}))


def _asked(name: str) -> set[str]:
    """The kernel's answer.

    Raises:
        OSError: it does not know the question, or the list changed under it.
    """
    family, size = _FAMILIES[name]
    asked = _ASKED.pack(family, socket.IPPROTO_TCP, 0, 0, 1 << _LISTEN)
    with Kernel(_SOCK_DIAG) as kernel:
        told = kernel.every(_BY_FAMILY, asked)
        return {f"{name} {_shown(body[8 : 8 + size], _PORT.unpack_from(body, 4)[0])}" for body in told}


def _read(folder: Path, name: str) -> Iterator[str]:
    file = folder / name
    for line in file.read_text("ascii").splitlines()[1:] if file.exists() else ():
        fields = line.split()
        if fields[3] == _WAITING[name]:
            yield f"{name} {_address(fields[1])}"


def _address(text: str) -> str:
    """`0100007F:0016` is 127.0.0.1:22: words of 32 bits in this machine's byte order, the port in the network's."""
    digits, _, port = text.partition(":")
    raw = bytes.fromhex(digits)
    if sys.byteorder == "little":
        raw = b"".join(raw[at : at + 4][::-1] for at in range(0, len(raw), 4))
    return _shown(raw, int(port, 16))


def _shown(raw: bytes, port: int) -> str:
    address = ipaddress.ip_address(raw)
    return f"[{address}]:{port}" if address.version == 6 else f"{address}:{port}"
