"""Measures a line from both its ends, by one clock: `python3 -S measure.py FROM TO ADDRESS COUNT SIZE GAP`.

FROM and TO are namespaces' files, ADDRESS is TO's. COUNT datagrams of SIZE bytes leave FROM, GAP seconds apart and
without a checksum, so that a turned bit is seen and not dropped. Prints a list of [number, sent, arrived, whole], in the
order of arrival, for each that arrived within a moment after the last one.

Called by the tests of the laboratory.
"""

from __future__ import annotations

import ctypes
import json
import os
import socket
import struct
import sys
import time

_NETWORK = 0x40000000
_NO_CHECKSUM = 11
_HEAD = struct.Struct("!Id")
_PATIENCE = 0.4


def _socket_in(namespace: str) -> socket.socket:
    """A socket that lives in a network namespace; so does this process from now on."""
    handle = os.open(namespace, os.O_RDONLY)
    if ctypes.CDLL(None, use_errno=True).setns(handle, _NETWORK):
        raise OSError(ctypes.get_errno(), "setns")
    os.close(handle)
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind(("0.0.0.0", 4444))
    return made


def main(start: str, end: str, address: str, count: str, size: str, gap: str) -> None:
    """Send, and print what arrived."""
    sender, receiver = _socket_in(start), _socket_in(end)
    receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
    receiver.settimeout(0)
    # The far end's firewall lets nothing in that is no answer.
    receiver.sendto(b"", (sender_address(address), 4444))
    sender.setsockopt(socket.SOL_SOCKET, _NO_CHECKSUM, 1)
    filling = bytes(int(size) - _HEAD.size)
    arrived: list[tuple[int, float, float, bool]] = []
    began, number, until = time.monotonic(), 0, 0.0
    while number < int(count) or time.monotonic() < until:
        now = time.monotonic()
        if number < int(count) and now >= began + number * float(gap):
            sender.sendto(_HEAD.pack(number, now) + filling, (address, 4444))
            number, until = number + 1, now + _PATIENCE
        try:
            data = receiver.recv(65536)
        except BlockingIOError:
            time.sleep(0.0002)
            continue
        if len(data) == int(size):
            told, sent = _HEAD.unpack(data[: _HEAD.size])
            whole = data[_HEAD.size :] == filling and 0 <= told < int(count) and began <= sent <= time.monotonic()
            arrived.append((told, sent if whole else 0.0, time.monotonic(), whole))
            until = time.monotonic() + _PATIENCE
    print(json.dumps(arrived))


def sender_address(address: str) -> str:
    """The other end of a line of the laboratory: the centre's is .1, the host's .2."""
    front, _, last = address.rpartition(".")
    return f"{front}.{3 - int(last)}"


if __name__ == "__main__":
    main(*sys.argv[1:7])
