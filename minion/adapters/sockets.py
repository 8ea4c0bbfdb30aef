"""Who listens on this host, as the kernel says (proc(5), /proc/net): no program runs, nothing is asked over a network.

What counts: TCP sockets in LISTEN, UDP and raw sockets that are bound and connected to nobody, in the network namespace
of this process. A socket bound to a loopback address counts too: what to make of it is the caller's business.

Called by machine.py.
"""

from __future__ import annotations

import ipaddress
import sys
from pathlib import Path
from typing import Final

_WAITING: Final = {"tcp": "0A", "tcp6": "0A", "udp": "07", "udp6": "07", "raw": "07", "raw6": "07"}
"""File in /proc/net, and the state of a socket that waits for anybody (linux/include/net/tcp_states.h)."""


def listeners(folder: Path = Path("/proc/self/net")) -> tuple[str, ...]:
    """Every socket that waits for somebody, such as `tcp 0.0.0.0:22` or `tcp6 [::]:22`, sorted."""
    found = set()
    for name, state in _WAITING.items():
        file = folder / name
        for line in file.read_text("ascii").splitlines()[1:] if file.exists() else ():
            fields = line.split()
            if fields[3] == state:
                found.add(f"{name} {_address(fields[1])}")
    return tuple(sorted(found))


def _address(text: str) -> str:
    """`0100007F:0016` is 127.0.0.1:22: words of 32 bits in this machine's byte order, the port in the network's."""
    digits, _, port = text.partition(":")
    raw = bytes.fromhex(digits)
    if sys.byteorder == "little":
        raw = b"".join(raw[at : at + 4][::-1] for at in range(0, len(raw), 4))
    address = ipaddress.ip_address(raw)
    shown = f"[{address}]" if address.version == 6 else str(address)
    return f"{shown}:{int(port, 16)}"
