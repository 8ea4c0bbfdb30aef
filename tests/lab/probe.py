"""Look at a host from outside: `python3 probe.py ADDRESS`, in the centre's namespace; prints JSON.

Sends a bare SYN to every TCP port and an empty datagram to every UDP port, pings, and writes down all that comes back.
With raw sockets, since a host that drops everything would make each ordinary `connect` wait until it gives up.
Called by `network`; imports nothing of orch, so that it starts at once.
"""

from __future__ import annotations

import json
import select
import socket
import struct
import sys
import time

SYN, RST, ACK = 0x02, 0x04, 0x10
PORTS = range(1, 65536)
SOURCE_PORT = 40123
SO_RCVBUFFORCE = 33
QUIET = 0.7
"""Seconds of silence after which nothing more is expected; a line here is one microsecond long."""


class Probe:
    """One look at one address."""

    def __init__(self, target: str) -> None:
        """Open the sockets that send and hear."""
        self.target = target
        self.tcp = _raw(socket.IPPROTO_TCP)
        self.icmp = _raw(socket.IPPROTO_ICMP)
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
            asked.connect((target, 1))
            self.source = str(asked.getsockname()[0])
        self.udp.bind((self.source, SOURCE_PORT))
        self.open: set[int] = set()
        self.refused: set[int] = set()
        self.udp_answers: set[int] = set()
        self.ping = False

    def run(self) -> dict[str, object]:
        """Send everything, listening all the while; then wait for silence."""
        self.icmp.sendto(_echo(), (self.target, 0))
        for port in PORTS:
            self.tcp.sendto(self._syn(port), (self.target, 0))
            self._datagram(port)
            if port % 64 == 0:
                self._hear(0)
        self._hear(QUIET)
        return {
            "open": sorted(self.open),
            "refused": len(self.refused),
            "udp": sorted(self.udp_answers),
            "ping": self.ping,
        }

    def _datagram(self, port: int) -> None:
        """Send an empty datagram; a refusal of an earlier one may be reported here and is heard by `icmp`, too."""
        try:
            self.udp.sendto(b"", (self.target, port))
        except ConnectionRefusedError:
            self.udp.sendto(b"", (self.target, port))

    def _syn(self, port: int) -> bytes:
        """A TCP header that asks for a connection."""
        header = struct.pack("!HHLLBBHHH", SOURCE_PORT, port, 1, 0, 5 << 4, SYN, 1024, 0, 0)
        ends = socket.inet_aton(self.source) + socket.inet_aton(self.target)
        checksum = _checksum(ends + struct.pack("!BBH", 0, socket.IPPROTO_TCP, len(header)) + header)
        return header[:16] + struct.pack("!H", checksum) + header[18:]

    def _hear(self, patience: float) -> None:
        """Take what has arrived, until nothing came for `patience` seconds."""
        until = time.monotonic() + 20
        while time.monotonic() < until:
            ready, _, _ = select.select([self.tcp, self.icmp, self.udp], [], [], patience)
            if not ready:
                return
            for one in ready:
                content, sender = one.recvfrom(2048)
                if sender[0] != self.target:
                    continue
                if one is self.udp:
                    self.udp_answers.add(sender[1])
                else:
                    self._packet(one is self.tcp, content[(content[0] & 15) * 4 :])

    def _packet(self, is_tcp: bool, packet: bytes) -> None:  # noqa: FBT001  there are two kinds
        """Understand one packet without its IP header."""
        if is_tcp:
            source, target = struct.unpack("!HH", packet[:4])
            if target == SOURCE_PORT and packet[13] & (RST | SYN):
                (self.open if packet[13] & SYN else self.refused).add(source)
        elif packet[0] == 0:
            self.ping = True
        elif packet[0] == 3:
            # Unreachable: it quotes the IP header and the first bytes of what was sent.
            quoted = packet[8:]
            (port,) = struct.unpack("!H", quoted[(quoted[0] & 15) * 4 + 2 :][:2])
            self.udp_answers.add(port)


def _raw(protocol: int) -> socket.socket:
    """A raw socket that can hold the answers of a whole host."""
    made = socket.socket(socket.AF_INET, socket.SOCK_RAW, protocol)
    made.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 32 << 20)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 << 20)
    return made


def _echo() -> bytes:
    """An echo request."""
    body = struct.pack("!BBHHH", 8, 0, 0, 77, 1)
    return body[:2] + struct.pack("!H", _checksum(body)) + body[4:]


def _checksum(content: bytes) -> int:
    """RFC 1071."""
    total: int = sum(struct.unpack(f"!{len(content) // 2}H", content))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


if __name__ == "__main__":
    print(json.dumps(Probe(sys.argv[1]).run()))
