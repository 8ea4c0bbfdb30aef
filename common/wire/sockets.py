"""What both ends of a connection share: the context, keys, waiting, and frames that go to many."""

from __future__ import annotations

import select
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final, Protocol

import zmq
from zmq.utils import z85

from orch.common.errors import SettingsError

MIN_LIBZMQ: Final = (4, 3, 4)
"""Older ones fall to CVE-2019-13132, CVE-2020-15166 or CVE-2021-20236."""
HANDSHAKE_MS: Final = 20_000
"""The handshake takes five round trips, of 3 s on the worst lines that count. Who uses it to stand about is one of a
bounded number (visitors.py)."""


@dataclass(frozen=True, slots=True)
class Keys:
    """A CURVE pair as raw bytes, 32 each (crypto.py makes them)."""

    public: bytes
    secret: bytes


_EVENT: Final = struct.Struct("=hi")


def next_event(watch: zmq.Socket[bytes]) -> tuple[int, int]:
    """Number and value of the next event on a monitor's socket (zmq_socket_monitor(3)).

    Not zmq.utils.monitor: that loads asyncio, 40 ms at every start of `orch` and megabytes in a host's agent.
    """
    number, value = _EVENT.unpack(watch.recv_multipart()[0])
    return int(number), int(value)


def make_keys() -> Keys:
    """A new CURVE pair."""
    public, secret = zmq.curve_keypair()
    return Keys(z85.decode(public), z85.decode(secret))


def public_of(secret: bytes) -> bytes:
    """The public half of a raw CURVE secret."""
    return z85.decode(zmq.curve_public(z85.encode(secret)))


class Shared:
    """Bytes that go to many peers: libzmq keeps one copy (20 KiB to 10,000 hosts: 57 us instead of 80 each)."""

    __slots__ = ("frame",)

    def __init__(self, data: bytes) -> None:
        """Wrap the bytes once."""
        self.frame = zmq.Frame(data)


Sendable = bytes | Shared
NOW: Final = int(zmq.NOBLOCK)
"""Without waiting. A plain number: pyzmq's own takes longer to be combined than a small frame to be sent."""
_MORE: Final = int(zmq.NOBLOCK | zmq.SNDMORE)


def send_parts(raw: zmq.Socket[bytes], parts: Sequence[bytes | zmq.Frame]) -> None:
    """Send a message without waiting. ZeroMQ takes the first part, and then all, or raises.

    Bytes are copied, which is cheaper than to wrap them for frames as small as ours; what is wrapped (`Shared`) is not.
    """
    for part in parts[:-1]:
        raw.send(part, _MORE)
    raw.send(parts[-1], NOW)


def raw_frames(frames: Iterable[Sendable]) -> list[bytes | zmq.Frame]:
    """What pyzmq takes."""
    return [item.frame if isinstance(item, Shared) else item for item in frames]


class Context:
    """All sockets of one process. Close it last."""

    def __init__(self, *, sockets: int = 1023) -> None:
        """Make a context with one I/O thread: a second one changed nothing in measurements.

        Raises:
            SettingsError: the installed libzmq has known holes.
        """
        if zmq.zmq_version_info() < MIN_LIBZMQ:
            wanted = ".".join(str(part) for part in MIN_LIBZMQ)
            raise SettingsError(f"libzmq {zmq.zmq_version()} has known holes", hint=f"install libzmq {wanted} or newer")
        self.zmq = zmq.Context()
        self.zmq.set(zmq.MAX_SOCKETS, sockets)

    def close(self) -> None:
        """Give everything back without waiting for unsent messages."""
        self.zmq.destroy(linger=0)


class Pollable(Protocol):
    """A socket of orch's, which is several of ZeroMQ's."""

    def pollable(self) -> list[object]:
        """What to wait for."""


class Waiter:
    """Waits for sockets and file descriptors together."""

    def __init__(self) -> None:
        """Wait for nothing yet."""
        self._poller = zmq.Poller()
        self._things: dict[object, object] = {}

    def add(self, thing: Pollable | int) -> None:
        """Wait for this to have something to read."""
        for raw in _pollable(thing):
            self._poller.register(raw, zmq.POLLIN)
            self._things[raw] = thing

    def add_writer(self, descriptor: int) -> None:
        """Wait for a descriptor to take more bytes."""
        self._poller.register(descriptor, zmq.POLLOUT)
        self._things[descriptor] = descriptor

    def remove(self, thing: Pollable | int) -> None:
        """Stop waiting for it."""
        for raw in _pollable(thing):
            if raw in self._things:
                self._poller.unregister(raw)
                del self._things[raw]

    def wait(self, seconds: float) -> list[object]:
        """What is ready, at the latest after `seconds`; each thing once."""
        if not self._things:
            # A poller without sockets comes back at once, which would turn a pause into a busy loop.
            select.select((), (), (), max(0.0, min(seconds, 3600.0)))
            return []
        ready = self._poller.poll(max(0, int(min(seconds, 3600.0) * 1000 + 0.999)))
        found: dict[int, object] = {}
        for raw, _event in ready:
            thing = self._things.get(raw)
            if thing is not None:
                found[id(thing)] = thing
        return list(found.values())


def _pollable(thing: Pollable | int) -> list[object]:
    return [thing] if isinstance(thing, int) else thing.pollable()


class Sent(Enum):
    """What became of a send."""

    YES = "yes"
    GONE = "gone"
    FULL = "full"
