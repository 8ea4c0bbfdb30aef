"""A crowd that connects to the centre and says nothing: `python -m tests.fakes.silent_crowd ADDRESS KEY PLAIN CURVE`.

PLAIN connections stay silent before the handshake, CURVE ones after it; whoever is cut comes again half a second
later. Says `there` once everybody has tried, and ends when its input ends.
"""

from __future__ import annotations

import random
import select
import socket
import sys
import time
from urllib.parse import urlsplit

from orch.common.wire import Context, Dial, Event, Link, make_keys

PAUSE = 0.5


class Plain:
    """A TCP connection and nothing on it."""

    def __init__(self, address: str) -> None:
        self._to = urlsplit(address)
        self._open: socket.socket | None = None
        self._at = 0.0

    def turn(self, now: float) -> None:
        if self._open is None:
            if now >= self._at:
                self._open = socket.socket()
                self._open.settimeout(0)
                self._open.connect_ex((self._to.hostname, self._to.port))
            return
        try:
            ended = self._open.recv(4096) == b""
        except BlockingIOError:
            ended = False
        except OSError:
            ended = True
        if ended:
            self._open.close()
            self._open, self._at = None, now + random.uniform(0, 2 * PAUSE)


class Shaken:
    """A connection with its handshake, and nothing after it."""

    def __init__(self, context: Context, address: str, server: bytes) -> None:
        self._context = context
        self._dial = Dial(address=address, server=server, keys=make_keys())
        self._link: Link | None = None
        self._at = 0.0

    def turn(self, now: float) -> None:
        if self._link is None:
            if now >= self._at:
                self._link = Link(self._context, self._dial)
        elif any(event is not Event.UP for event in self._link.events()):
            self._link.close()
            self._link, self._at = None, now + random.uniform(0, 2 * PAUSE)


def main() -> None:
    """Come, and stay silent."""
    address, server, plain, shaken = sys.argv[1], bytes.fromhex(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    context = Context(sockets=10_000)
    crowd: list[Plain | Shaken] = [Plain(address) for _ in range(plain)]
    crowd += [Shaken(context, address, server) for _ in range(shaken)]
    said = False
    while not select.select([sys.stdin], [], [], 0.05)[0]:
        for each in crowd:
            each.turn(time.monotonic())
        if not said:
            print("there", flush=True)
            said = True


if __name__ == "__main__":
    main()
