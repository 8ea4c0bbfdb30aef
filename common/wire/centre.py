"""The centre's end: the one socket at which everybody arrives, and the gatekeeper before it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import zmq
from zmq.utils import z85

from orch.common.clock import Clock, SystemClock
from orch.common.errors import SettingsError
from orch.common.frames import FRAME_LIMIT
from orch.common.wire import kernel
from orch.common.wire.gate import DOMAIN, Gatekeeper, user
from orch.common.wire.link import Dial, Event, Link, Pulse
from orch.common.wire.sockets import (
    HANDSHAKE_MS,
    NOW,
    Context,
    Sendable,
    Sent,
    Waiter,
    make_keys,
    next_event,
    public_of,
    raw_frames,
    send_parts,
)
from orch.common.wire.visitors import Room, Visitors

BACKLOG: Final = 4096
"""The default of 100 makes 2,000 reconnecting hosts take 28 s instead of 6."""
CENTRE_QUEUE: Final = 64
"""Messages waiting for one slow host before sends to it say "full"."""
CENTRE_INTAKE: Final = 16
"""Messages of one connection that may wait here; then it is read no further, and TCP holds it up."""
MOUTHFUL: Final = 16 << 20
"""Bytes of messages that are taken at a time."""
CUTS: Final = 4096
"""Connections that were cut and are remembered, so that nothing counts that was still on its way in."""
PROBES: Final = 5
"""That the kernel sends on a quiet connection before it takes it for dead."""
PROOF_TURNS: Final = 100
"""Tenths of a second that a start-up proof may take on a machine that is busy."""


@dataclass(frozen=True, slots=True)
class Received:
    """A message: the connection it came on (`peer`, of no meaning beyond this run), the proven key, the frames."""

    peer: bytes
    key: bytes
    frames: tuple[bytes, ...]


class CentreSocket:
    """The one socket at which everybody arrives."""

    def __init__(
        self,
        context: Context,
        *,
        secret: bytes,
        room: Room | None = None,
        clock: Clock | None = None,
        pulse: Pulse = Pulse(),  # noqa: B008  frozen
    ) -> None:
        """Make the socket and start its gatekeeper; `bind` opens it."""
        self._gate = Gatekeeper(context)
        self._visitors = Visitors(clock or SystemClock(), room or Room())
        self._raw = context.zmq.socket(zmq.ROUTER)
        self._public = public_of(secret)
        raw = self._raw
        raw.curve_server = True
        raw.curve_secretkey = z85.encode(secret)
        raw.curve_publickey = z85.encode(self._public)
        raw.zap_domain = DOMAIN.encode()
        raw.setsockopt(zmq.ROUTER_MANDATORY, 1)
        raw.setsockopt(zmq.ROUTER_HANDOVER, 0)
        raw.setsockopt(zmq.MAXMSGSIZE, FRAME_LIMIT)
        raw.setsockopt(zmq.HANDSHAKE_IVL, HANDSHAKE_MS)
        raw.setsockopt(zmq.BACKLOG, BACKLOG)
        raw.setsockopt(zmq.SNDHWM, CENTRE_QUEUE)
        raw.setsockopt(zmq.RCVHWM, CENTRE_INTAKE)
        raw.setsockopt(zmq.LINGER, 0)
        raw.setsockopt(zmq.IPV6, 1)
        _heed_the_kernel(raw, pulse)
        self._cut: OrderedDict[bytes, None] = OrderedDict()
        self._watch = raw.get_monitor_socket(zmq.EVENT_ACCEPTED | zmq.EVENT_DISCONNECTED)

    def bind(self, address: str) -> None:
        """Open the door, e.g. `tcp://*:4505`.

        Raises:
            SettingsError: the address is taken or is none.
        """
        try:
            self._raw.bind(address)
        except zmq.ZMQError as err:
            raise SettingsError(f"cannot listen at {address}: {err.strerror or err}") from err

    @property
    def endpoint(self) -> str:
        """Where it listens, with the port that was given where the address said `:*`."""
        text = self._raw.getsockopt(zmq.LAST_ENDPOINT)
        return bytes(text).rstrip(b"\x00").decode() if isinstance(text, bytes) else ""

    def revoke(self, keys: frozenset[bytes]) -> None:
        """These keys get no new connection from now on (their live ones: `cut`)."""
        self._gate.revoked = keys

    def pollable(self) -> list[object]:
        """For `Waiter`."""
        return [self._raw, self._watch]

    def receive(self, most: int = 1000) -> list[Received]:
        """Up to `most` messages that are there now. Messages without a proven key are dropped."""
        batch: list[list[zmq.Frame]] = []
        room, emptied = MOUTHFUL, False
        while len(batch) < most and room > 0:
            try:
                frames = [self._raw.recv(NOW, copy=False)]
            except zmq.Again:
                emptied = True
                break
            while frames[-1].more:  # a message is there whole, or not at all
                frames.append(self._raw.recv(NOW, copy=False))
            room -= sum(map(len, frames))
            batch.append(frames)
        # A descriptor's number is used again: the ends of older connections must be seen before new ones are noted.
        self._visitors.look()
        self._see_events()
        found = [item for frames in batch if (item := self._received(frames)) is not None]
        self._visitors.thin(heard_all=emptied)
        if emptied:
            self._visitors.tidy()
        return found

    def _received(self, frames: list[zmq.Frame]) -> Received | None:
        if len(frames) < 2:
            return None
        key = user(frames[1])
        peer = frames[0].bytes
        if key is None or peer in self._cut:  # without a key: cannot happen with the gatekeeper there
            return None
        body = tuple([frame.bytes for frame in frames[1:]])
        size = sum(map(len, body))
        self._visitors.said(peer, frames[1].get(zmq.SRCFD), frames=len(body), size=size)
        return Received(peer, key, body)

    def _see_events(self) -> None:
        while self._watch.poll(0):
            event, descriptor = next_event(self._watch)
            if event == zmq.EVENT_ACCEPTED:
                self._visitors.came(descriptor)
            else:
                self._visitors.left(descriptor)

    def gone(self) -> list[bytes]:
        """Connections that ended since the last call."""
        self._see_events()
        return self._visitors.gone()

    def weigh(self) -> list[tuple[str, str, int]]:
        """End connections that send messages without an end.

        Returns:
            Whose connections were ended at the door since the last call, for this and for saying nothing: address,
            reason, how many.
        """
        self._visitors.weigh()
        return self._visitors.dismissed()

    def address(self, peer: bytes) -> str:
        """Where a connection comes from, e.g. `192.0.2.7`; empty where it is gone."""
        return self._visitors.address(peer)

    def send(self, peer: bytes, frames: Sequence[Sendable]) -> Sent:
        """Send without waiting."""
        try:
            send_parts(self._raw, (peer, *raw_frames(frames)))
        except zmq.Again:
            return Sent.FULL
        except zmq.ZMQError as err:
            if err.errno == zmq.EHOSTUNREACH:
                self._visitors.lost(peer)  # its end is told once, whoever notices it first
                return Sent.GONE
            raise
        return Sent.YES

    def cut(self, peer: bytes) -> None:
        """End a connection now: libzmq has no call for it, so its TCP socket is shut down under it.

        What came from it and was not received yet is dropped.
        """
        self._cut[peer] = None
        if len(self._cut) > CUTS:
            self._cut.popitem(last=False)
        found = self._visitors.forget(peer)
        if found is not None:
            kernel.hang_up(found.descriptor)

    def prove_gate(self, context: Context) -> None:
        """Try the gate before it is opened to anybody: on a port of this machine's own, then closed again.

        A random key has to arrive as itself, and to be refused once it is revoked. CURVE without a working ZAP handler
        admits everybody, so this is tried at each start and not believed.

        Raises:
            SettingsError: the gate does not hold; the centre must not start.
        """
        self.bind("tcp://127.0.0.1:*")
        here, refused = self.endpoint, self._gate.revoked
        keys = make_keys()
        dial = Dial(address=here, server=self._public, keys=keys)
        try:
            if not self._arrives(context, dial):
                raise SettingsError("a connection to this centre does not arrive with the key that it proved")
            self.revoke(refused | {keys.public})
            if self._arrives(context, dial):
                raise SettingsError("a revoked key was let in")
        finally:
            self.revoke(refused)
            self._raw.unbind(here)

    def _arrives(self, context: Context, dial: Dial) -> bool:
        link, waiter = Link(context, dial), Waiter()
        waiter.add(link)
        waiter.add(self)
        try:
            link.send((b"",))
            for _ in range(PROOF_TURNS):
                waiter.wait(0.1)
                if any(found.key == dial.keys.public for found in self.receive()):
                    return True
                if Event.UP not in (events := link.events()) and events:
                    return False
            return False
        finally:
            link.close()

    def close(self) -> None:
        """Close the door, then let the gatekeeper go."""
        self._raw.disable_monitor()
        self._watch.close(0)
        self._raw.close(0)
        self._gate.close()


def _heed_the_kernel(raw: zmq.Socket[bytes], pulse: Pulse) -> None:
    """Have the kernel end what dies before the first ping, which is what tells ZeroMQ how long to wait for the next.

    It probes a connection that is quieter than one with pings ever is, so it never has to while all is well.
    """
    quiet = max(1, pulse.every * 4 // 3000)
    raw.setsockopt(zmq.TCP_KEEPALIVE, 1)
    raw.setsockopt(zmq.TCP_KEEPALIVE_IDLE, quiet)
    raw.setsockopt(zmq.TCP_KEEPALIVE_INTVL, max(1, (pulse.trust // 1000 - quiet) // PROBES))
    raw.setsockopt(zmq.TCP_KEEPALIVE_CNT, PROBES)
    raw.setsockopt(zmq.TCP_MAXRT, pulse.trust)
