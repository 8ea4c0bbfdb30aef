"""Which listeners of a host nobody has asked for. Pure: what there is comes in, what is too much goes out.

Refuses to do: look at the host (adapters/sockets.py does), or end what listens there.

Invariant: only what a document's `listen:` names, by protocol and port, is left out, and what hears nobody but the
host itself.

Called by reconcile.py.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence


def unasked(found: Sequence[str], allowed: Sequence[str]) -> tuple[str, ...]:
    """Those that are neither allowed nor out of reach from outside.

    Args:
        found: such as `tcp 0.0.0.0:22` or `udp6 [::]:68`.
        allowed: such as `tcp/22`; for both versions of the Internet Protocol.
    """
    known = frozenset(allowed)
    return tuple(line for line in found if _words(line) not in known and not _only_inside(line))


def _words(line: str) -> str:
    protocol, _, place = line.partition(" ")
    return f"{protocol.removesuffix('6')}/{place.rpartition(':')[2]}"


def _only_inside(line: str) -> bool:
    address = line.partition(" ")[2].rpartition(":")[0].strip("[]")
    return ipaddress.ip_address(address).is_loopback
