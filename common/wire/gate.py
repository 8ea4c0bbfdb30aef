"""The gatekeeper before the centre's socket: ZAP (RFC 27) on a thread of its own."""

from __future__ import annotations

import threading
from typing import Final

import zmq

from orch.common.wire.sockets import Context

DOMAIN: Final = "orch"
KEY_SIZE: Final = 32


class Gatekeeper:
    """Says which keys are let in.

    Unknown keys are let in, as themselves: what they may do is decided above, where they get nothing but "pending"
    (a refusal would make a host give up for good that is admitted a minute later). Revoked keys are refused.
    """

    def __init__(self, context: Context) -> None:
        """Begin to answer."""
        self.revoked: frozenset[bytes] = frozenset()
        self._stop = context.zmq.socket(zmq.PAIR)
        address = f"inproc://orch-gate-{id(self)}"
        self._stop.bind(address)
        handler = context.zmq.socket(zmq.ROUTER)
        handler.setsockopt(zmq.LINGER, 0)
        handler.bind("inproc://zeromq.zap.01")
        stopped = context.zmq.socket(zmq.PAIR)
        stopped.connect(address)
        self._thread = threading.Thread(target=self._serve, args=(handler, stopped), name="gate", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End."""
        self._stop.send(b"")
        self._thread.join()
        self._stop.close(0)

    def _serve(self, handler: zmq.Socket[bytes], stopped: zmq.Socket[bytes]) -> None:
        poller = zmq.Poller()
        poller.register(handler, zmq.POLLIN)
        poller.register(stopped, zmq.POLLIN)
        while True:
            ready = dict(poller.poll())
            if stopped in ready:
                break
            handler.send_multipart(self._answer(handler.recv_multipart()))
        handler.close(0)
        stopped.close(0)

    def _answer(self, frames: list[bytes]) -> list[bytes]:
        back, _empty, version, request, domain, _address, _identity, mechanism, *credentials = frames
        key = credentials[0] if credentials else b""
        allowed = (
            mechanism == b"CURVE" and domain == DOMAIN.encode() and len(key) == KEY_SIZE and key not in self.revoked
        )
        if not allowed:
            return [back, b"", version, request, b"400", b"refused", b"", b""]
        return [back, b"", version, request, b"200", b"OK", key.hex().encode(), b""]


def user(frame: zmq.Frame) -> bytes | None:
    """The key that the gatekeeper let in, of a message's first body frame; None where it let nobody in."""
    try:
        text = frame.get("User-Id")
    except zmq.ZMQError:
        return None
    return bytes.fromhex(text) if isinstance(text, str) and len(text) == 2 * KEY_SIZE else None
