"""A line as bad as wanted, in user space: the kernels that tests run on need not have netem.

    nsenter --net=CENTRE python3 -S tests/lab/line.py CABLE TAP ADDRESS SEED
    nsenter --net=HOST python3 -S tests/lab/line.py --without-offload INTERFACE

It puts itself between the centre and a host's cable without a sign at either end: a TAP takes over the address and the
hardware address of the cable's end, and this process carries every packet between the two. It reads a `Quality` a line
on its standard input, which counts from then on, and answers each with what it has carried so far (`Counts`). At the
end of its input, or at SIGTERM, it puts the plain cable back.

Invariants:
- one process, one thread, one generator of chance: a seed and the same packets give the same line;
- packets of one way stay in order however their delay varies, but for those that `reorder` takes out;
- nothing outlives it: the TAP goes with its descriptor.

Only Python's own library: it is started by its file's name. Called by `network`.
"""

from __future__ import annotations

import array
import fcntl
import heapq
import json
import os
import random
import select
import signal
import socket
import struct
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, field

_TUNSETIFF, _TAP_WITHOUT_HEADER = 0x400454CA, 0x1002
_ETHTOOL, _SET_TX_CHECKSUMS = 0x8946, 0x17
_SOL_PACKET, _ADD_MEMBERSHIP, _PROMISCUOUS = 263, 1, 1
_EVERYTHING = 0x0003
_LARGEST = 65536
_ETHERNET = 14
_IPV4, _TCP = b"\x08\x00", 6
_AT_ONCE = 64
"""Packets taken from one side before the other has its turn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """How a line behaves, the same both ways; the plain cable by default.

    Attributes:
        delay: seconds from one end to the other.
        jitter: seconds by which the delay varies to either side.
        loss: share of packets that get lost, as are the other shares from 0 to 1.
        rate: bits in a second each way; 0 is as fast as it goes.
        queue: seconds that packets may wait for the rate before they are dropped.
        duplicate: share of packets that arrive twice.
        corrupt: share of packets with one bit turned, behind the Ethernet header.
        forge: share of TCP's packets with one bit of their content turned and the checksum made right, as a device in
            the middle does that is broken or bad: no kernel notices.
        reorder: share of packets that arrive late, behind those that followed.
        late: seconds by which those come late.
        flap: seconds for which the line carries, then as many for which it does not, and so on; 0 is always.
        to_centre: whether packets of the host arrive.
        to_host: whether packets of the centre arrive.
    """

    delay: float = 0.0
    jitter: float = 0.0
    loss: float = 0.0
    rate: float = 0.0
    queue: float = 1.0
    duplicate: float = 0.0
    corrupt: float = 0.0
    forge: float = 0.0
    reorder: float = 0.0
    late: float = 0.05
    flap: float = 0.0
    to_centre: bool = True
    to_host: bool = True


PLAIN = Quality()


@dataclass(slots=True, kw_only=True)
class Way:
    """What one way has carried since the line was made.

    Attributes:
        packets: that arrived.
        size: their bytes, with Ethernet headers.
        lost: dropped by chance, by the rate's queue, or as the way was shut.
        duplicated: arrived twice.
        corrupted: arrived with a bit turned, or would have.
        forged: the same, and the checksum was right.
        reordered: sent late.
    """

    packets: int = 0
    size: int = 0
    lost: int = 0
    duplicated: int = 0
    corrupted: int = 0
    forged: int = 0
    reordered: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What both ways have carried."""

    to_centre: Way = field(default_factory=Way)
    to_host: Way = field(default_factory=Way)

    @classmethod
    def read(cls, text: str) -> Counts:
        """From the process's answer."""
        told = json.loads(text)
        return cls(to_centre=Way(**told["to_centre"]), to_host=Way(**told["to_host"]))


@dataclass(slots=True)
class End:
    """The sending end of one way."""

    target: int  # descriptor behind which the other end is
    way: Way
    free: float = 0.0  # when the last packet has left, at the rate
    newest: float = 0.0  # when the last packet in order arrives


class Traffic:
    """Packets under way. No I/O but the last write."""

    def __init__(self, seed: int, now: float) -> None:
        """Nothing is under way."""
        self._chance = random.Random(seed)
        self._waiting: list[tuple[float, int, bytes, End]] = []
        self._number = 0
        self.quality = PLAIN
        self.since = now

    def take(self, packet: bytes, end: End, *, is_open: bool, now: float) -> None:
        """Let a packet begin its way."""
        quality, chance = self.quality, self._chance
        flapped = quality.flap and int((now - self.since) / quality.flap) & 1
        if flapped or not is_open or chance.random() < quality.loss:
            end.way.lost += 1
            return
        begin = max(now, end.free)
        if begin - now > quality.queue:
            end.way.lost += 1
            return
        if quality.rate:
            begin += len(packet) * 8 / quality.rate
            end.free = begin
        arrives = begin + max(0.0, quality.delay + chance.uniform(-quality.jitter, quality.jitter))
        if chance.random() < quality.reorder:
            end.way.reordered += 1
            arrives += quality.late
        else:
            arrives = end.newest = max(arrives, end.newest)
        if chance.random() < quality.corrupt:
            end.way.corrupted += 1
            packet = self._turned(packet)
        if chance.random() < quality.forge and (forged := self._forged(packet)):
            end.way.forged += 1
            packet = forged
        self._add(arrives, packet, end)
        if chance.random() < quality.duplicate:
            end.way.duplicated += 1
            self._add(arrives, packet, end)

    def _turned(self, packet: bytes) -> bytes:
        at = self._chance.randrange(_ETHERNET, max(_ETHERNET + 1, len(packet)))
        return packet[:at] + bytes([packet[at] ^ (1 << self._chance.randrange(8))]) + packet[at + 1 :]

    def _forged(self, packet: bytes) -> bytes:
        """Another content with the same checksum; empty where there is none to turn a bit of."""
        if packet[12:14] != _IPV4 or packet[_ETHERNET + 9] != _TCP:
            return b""
        begin = _ETHERNET + 4 * (packet[_ETHERNET] & 15)
        content = begin + 4 * (packet[begin + 12] >> 4)
        words = (len(packet) - content) // 2
        if words < 2:
            return b""
        # The same bit of two words, one of which has it and the other has not: their sum stays.
        bit, first = 1 << self._chance.randrange(16), content + 2 * self._chance.randrange(words)
        changed = bytearray(packet)
        held = int.from_bytes(changed[first : first + 2], "big")
        for second in range(content, content + 2 * words, 2):
            other = int.from_bytes(changed[second : second + 2], "big")
            if (held ^ other) & bit:
                changed[first : first + 2] = (held ^ bit).to_bytes(2, "big")
                changed[second : second + 2] = (other ^ bit).to_bytes(2, "big")
                return bytes(changed)
        return b""

    def _add(self, arrives: float, packet: bytes, end: End) -> None:
        self._number += 1
        heapq.heappush(self._waiting, (arrives, self._number, packet, end))

    def patience(self, now: float) -> float | None:
        """Seconds until the next packet arrives; None: none is under way."""
        return max(0.0, self._waiting[0][0] - now) if self._waiting else None

    def deliver(self, now: float) -> None:
        """Hand out what has arrived."""
        while self._waiting and self._waiting[0][0] <= now:
            _at, _number, packet, end = heapq.heappop(self._waiting)
            try:
                os.write(end.target, packet)
            except OSError:  # the other end is down or full, as a far machine can be
                end.way.lost += 1
                continue
            end.way.packets += 1
            end.way.size += len(packet)


def carry(cable: socket.socket, tap: int, seed: int) -> None:
    """Carry packets between a cable and a TAP until the standard input ends."""
    traffic, counts = Traffic(seed, time.monotonic()), Counts()
    towards_host, towards_centre = End(cable.fileno(), counts.to_host), End(tap, counts.to_centre)
    while True:
        ready, _, _ = select.select([tap, cable.fileno(), 0], [], [], traffic.patience(time.monotonic()))
        if 0 in ready and not _obeys(traffic, counts):
            return
        quality = traffic.quality
        for packet in _from_tap(tap) if tap in ready else ():
            traffic.take(packet, towards_host, is_open=quality.to_host, now=time.monotonic())
        for packet in _from_cable(cable) if cable.fileno() in ready else ():
            traffic.take(packet, towards_centre, is_open=quality.to_centre, now=time.monotonic())
        traffic.deliver(time.monotonic())


def _obeys(traffic: Traffic, counts: Counts) -> bool:
    """Take one line of the input, and answer it; False at its end."""
    asked = sys.stdin.readline()
    if not asked:
        return False
    wanted = Quality(**json.loads(asked))
    if wanted != traffic.quality:
        traffic.quality, traffic.since = wanted, time.monotonic()
    print(json.dumps(asdict(counts)), flush=True)
    return True


def _from_tap(tap: int) -> list[bytes]:
    found: list[bytes] = []
    try:
        while len(found) < _AT_ONCE:
            found.append(os.read(tap, _LARGEST))
    except BlockingIOError:
        pass
    return found


def _from_cable(cable: socket.socket) -> list[bytes]:
    found: list[bytes] = []
    try:
        while len(found) < _AT_ONCE:
            packet, address = cable.recvfrom(_LARGEST)
            if address[2] != socket.PACKET_OUTGOING:
                found.append(packet)
    except BlockingIOError:
        pass
    except OSError:  # the cable was pulled out: who did that ends us next
        time.sleep(0.01)
    return found


def without_offload(interface: str) -> None:
    """Have an interface write every checksum itself, and send no packet larger than its line could carry."""
    wanted = array.array("B", struct.pack("II", _SET_TX_CHECKSUMS, 0))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _ETHTOOL, struct.pack("16sP", interface.encode(), wanted.buffer_info()[0]))


def _opened_tap(name: str) -> int:
    tap = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    fcntl.ioctl(tap, _TUNSETIFF, struct.pack("16sH", name.encode(), _TAP_WITHOUT_HEADER))
    return tap


def _opened_cable(name: str) -> socket.socket:
    """Every packet that comes in at the cable's end, whomever it is for."""
    cable = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_EVERYTHING))
    cable.setblocking(False)
    cable.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    cable.bind((name, _EVERYTHING))
    member = struct.pack("IHH8s", socket.if_nametoindex(name), _PROMISCUOUS, 0, b"")
    cable.setsockopt(_SOL_PACKET, _ADD_MEMBERSHIP, member)
    return cable


def _ip(*lines: str) -> None:
    text = "".join(f"{line}\n" for line in lines)
    subprocess.run(["ip", "-batch", "-"], input=text, text=True, check=True)


def _hardware_address(interface: str) -> str:
    shown = subprocess.run(["ip", "-json", "link", "show", interface], capture_output=True, text=True, check=True)
    return str(json.loads(shown.stdout)[0]["address"])


def main(cable_name: str, tap_name: str, address: str, seed: str) -> None:
    """Stand in for the plain cable until the end of the input, then put it back."""
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(0))
    cable, tap = _opened_cable(cable_name), _opened_tap(tap_name)
    ours = _hardware_address(cable_name)
    spare = _hardware_address(tap_name)
    _ip(
        f"link set {tap_name} address {ours}",
        f"address delete {address} dev {cable_name}",
        f"link set {cable_name} arp off address {spare}",
        f"address add {address} dev {tap_name}",
        f"link set {tap_name} up",
    )
    try:
        carry(cable, tap, int(seed))
    finally:
        os.close(tap)  # and with it the interface and the address
        if cable_name in {name for _index, name in socket.if_nameindex()}:
            _ip(f"link set {cable_name} arp on address {ours}", f"address add {address} dev {cable_name}")


if __name__ == "__main__":
    if sys.argv[1] == "--without-offload":
        without_offload(sys.argv[2])
    else:
        main(*sys.argv[1:5])
