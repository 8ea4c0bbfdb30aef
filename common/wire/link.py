"""The dialling end: one connection of a host or an operator to the centre.

It never reconnects by itself: whoever made it makes the next, to another address or with another server key, after a
pause of its own choosing (messages queued across a reconnect are lost at random).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

import zmq
from zmq.utils import z85

from orch.common.errors import Unreachable
from orch.common.frames import FRAME_LIMIT
from orch.common.wire.relay import Relay
from orch.common.wire.sockets import Context, Keys, Sendable, Sent, next_event, raw_frames, send_parts


@dataclass(frozen=True, slots=True)
class Pulse:
    """How a half-open line is noticed, in milliseconds: by both ends, by pings from the dialling side only.

    So a ping costs the centre nothing to send. The dialling side hangs up when nothing came for `every` and `answer`,
    the centre when nothing came for `trust`.
    """

    every: int = 15_000
    answer: int = 20_000
    trust: int = 45_000


class Event(Enum):
    """What happens to a Link."""

    UP = "up"  # the handshake is done: the centre has the expected key
    REFUSED = "refused"  # the centre does not have the expected key, or refuses ours
    DOWN = "down"  # the connection ended, or none came about


@dataclass(frozen=True, slots=True, kw_only=True)
class Dial:
    """Where to connect, whom to expect there, and who we are."""

    address: str
    server: bytes  # CURVE public key, raw
    keys: Keys
    proxy: str = ""  # SOCKS5, host:port
    proxy_patience: float = 15.0  # seconds for each answer of the proxy; the centre has to be reached in it
    queue: int = 1000
    pulse: Pulse = Pulse()


ATTEMPT_MS: Final = 60_000
"""For a proxy and the handshake: more than anybody waits who dials, so that they say when it is enough."""
_EVENTS: Final = (
    zmq.EVENT_HANDSHAKE_SUCCEEDED
    | zmq.EVENT_HANDSHAKE_FAILED_AUTH
    | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
    | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
    | zmq.EVENT_DISCONNECTED
    | zmq.EVENT_CLOSED
)


class Link:
    """One connection to the centre."""

    def __init__(self, context: Context, dial: Dial) -> None:
        """Begin to connect.

        Raises:
            Unreachable: the address is none, or that of the proxy.
        """
        relay = Relay(dial.proxy, dial.address, patience=dial.proxy_patience) if dial.proxy else None
        self._relay = relay
        raw = context.zmq.socket(zmq.DEALER)
        raw.curve_serverkey = z85.encode(dial.server)
        raw.curve_publickey = z85.encode(dial.keys.public)
        raw.curve_secretkey = z85.encode(dial.keys.secret)
        raw.setsockopt(zmq.MAXMSGSIZE, FRAME_LIMIT)
        raw.setsockopt(zmq.HANDSHAKE_IVL, ATTEMPT_MS)
        raw.setsockopt(zmq.RECONNECT_IVL, -1)
        raw.setsockopt(zmq.HEARTBEAT_IVL, dial.pulse.every)
        raw.setsockopt(zmq.HEARTBEAT_TIMEOUT, dial.pulse.answer)
        raw.setsockopt(zmq.HEARTBEAT_TTL, dial.pulse.trust)
        raw.setsockopt(zmq.SNDHWM, dial.queue)
        raw.setsockopt(zmq.RCVHWM, dial.queue)
        raw.setsockopt(zmq.LINGER, 0)
        raw.setsockopt(zmq.IPV6, 1)
        self._raw = raw
        self._watch = raw.get_monitor_socket(_EVENTS)
        try:
            raw.connect(relay.endpoint if relay else dial.address)
        except zmq.ZMQError as err:
            self.close()
            raise Unreachable(f"{dial.address} is not an address: {err.strerror or err}") from err

    def pollable(self) -> list[object]:
        """For `Waiter`."""
        return [self._raw, self._watch]

    @property
    def trouble(self) -> str:
        """What a proxy on the way says, in words; empty where none is, or all is well."""
        return self._relay.trouble if self._relay else ""

    def events(self) -> list[Event]:
        """What happened since the last call."""
        found: list[Event] = []
        while self._watch.poll(0):
            number = next_event(self._watch)[0]
            if number == zmq.EVENT_HANDSHAKE_SUCCEEDED:
                found.append(Event.UP)
            elif number == zmq.EVENT_HANDSHAKE_FAILED_AUTH:
                found.append(Event.REFUSED)
            else:
                found.append(Event.DOWN)
        return found

    def receive(self) -> list[tuple[bytes, ...]]:
        """The frames of all messages that are there now."""
        found: list[tuple[bytes, ...]] = []
        while True:
            try:
                found.append(tuple(self._raw.recv_multipart(zmq.NOBLOCK)))
            except zmq.Again:
                return found

    def send(self, frames: Sequence[Sendable]) -> Sent:
        """Send without waiting; FULL where the queue is full or no connection is up."""
        try:
            send_parts(self._raw, raw_frames(frames))
        except zmq.Again:
            return Sent.FULL
        return Sent.YES

    def close(self) -> None:
        """Hang up; what was not sent is lost."""
        self._raw.disable_monitor()
        self._watch.close(0)
        self._raw.close(0)
        if self._relay is not None:
            self._relay.close()
