"""News that this machine's network has changed, from the kernel (rtnetlink(7)).

A line that comes back is worth an attempt at once, however long the pause was. Nothing of a message is read: that there
is one is all that counts.
"""

from __future__ import annotations

import socket
from typing import Final

_LINK, _IPV4_ADDRESS, _IPV4_ROUTE, _IPV6_ADDRESS, _IPV6_ROUTE = 0x1, 0x10, 0x40, 0x100, 0x400
_GROUPS: Final = _LINK | _IPV4_ADDRESS | _IPV4_ROUTE | _IPV6_ADDRESS | _IPV6_ROUTE


class NetworkNews:
    """Listens for changes of links, addresses and routes; any user may."""

    def __init__(self) -> None:
        """Listen from now on."""
        self._socket = socket.socket(
            socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK, socket.NETLINK_ROUTE
        )
        self._socket.bind((0, _GROUPS))

    def fileno(self) -> int:
        """For pollers."""
        return self._socket.fileno()

    def heard(self) -> bool:
        """Whether anything changed since the last call."""
        heard = False
        while True:
            try:
                self._socket.recv(65536)
            except BlockingIOError:
                return heard
            except OSError:  # ENOBUFS: more news than fit, which is news too
                return True
            heard = True

    def close(self) -> None:
        """Stop listening."""
        self._socket.close()
