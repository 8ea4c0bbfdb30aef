"""Cables: one network namespace for the centre, one for every host, and one point-to-point line to each.

Invariants:
- a host reaches the centre's one address and nothing else: it has no default route, nothing forwards, there is no DNS;
- a host's firewall drops everything that comes in and does not belong to a connection that the host opened;
- a line that is *cut* is silent in both directions, as a far-away line is: nothing is refused, no interface goes down.
  The cut is made at the centre's end, out of reach of whatever the host does with its own firewall;
- a line can be made as bad as wanted, and good again, while it is used, without a sign at either end (`line`);
- a namespace is a file in the laboratory's folder; interfaces and addresses exist inside the namespaces only.

Called by `lab`, `hosts` and `centre`.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.lab import command
from tests.lab.errors import LabError
from tests.lab.line import PLAIN, Counts, Quality

CENTRE = "10.77.0.1"
"""The centre's address, the same from every host."""

_LINE = (command.PYTHON, "-S", str(Path(__file__).with_name("line.py")))

_CUT = """
table inet cables {
  set cut { type ifname; }
  chain arrive { type filter hook prerouting priority raw; iifname @cut drop; }
  chain leave { type filter hook postrouting priority raw; oifname @cut drop; }
  set torn { type ifname; }
  chain tear { type filter hook input priority filter; iifname @torn meta l4proto tcp reject with tcp reset; }
}
"""

FIREWALL = """
table inet lab_firewall {
  chain input {
    type filter hook input priority filter; policy drop;
    iifname "lo" accept
    ct state established,related accept
  }
  chain forward { type filter hook forward priority filter; policy drop; }
  chain output { type filter hook output priority filter; policy accept; }
}
"""


@dataclass(frozen=True, slots=True)
class Answers:
    """What came back from a host that was looked at from outside; true if anything at all did.

    Attributes:
        open: TCP ports that accepted.
        refused: how many TCP ports refused: closed, and yet an answer.
        udp: UDP ports that sent something back or refused.
        ping: whether an echo came back.
    """

    open: tuple[int, ...]
    refused: int
    udp: tuple[int, ...]
    ping: bool

    def __bool__(self) -> bool:
        """Whether anything answered."""
        return bool(self.open or self.refused or self.udp or self.ping)


@dataclass(frozen=True, slots=True)
class Line:
    """A host's cable; `number` is from 1 to 250."""

    number: int
    namespace: Path

    @property
    def interface(self) -> str:
        """Its end in the centre."""
        return f"line{self.number}"

    @property
    def tap(self) -> str:
        """The centre's end while the line is a bad one."""
        return f"bad{self.number}"

    @property
    def here(self) -> str:
        """The address of the centre's end."""
        return f"10.77.{self.number}.1"

    @property
    def there(self) -> str:
        """The address of the host's end."""
        return f"10.77.{self.number}.2"


class Network:
    """The cables of one laboratory; the namespaces' files are in `folder`."""

    def __init__(self, folder: Path) -> None:
        """Nothing is made before `create`."""
        self.folder = folder
        self.centre = folder / "centre"
        self._lines: dict[str, Line] = {}
        self._bad: dict[str, subprocess.Popen[str]] = {}
        self._qualities: dict[str, Quality] = {}

    def create(self) -> None:
        """Make the centre's namespace."""
        self.folder.mkdir(parents=True, exist_ok=True)
        _make_namespace(self.centre)
        _ip(self.centre, "link set lo up", f"address add {CENTRE}/32 dev lo")
        _nft(self.centre, _CUT)

    def line(self, host: str) -> Line:
        """A host's line; the first call decides its number, which it keeps."""
        if host not in self._lines:
            number = len(self._lines) + 1
            self._lines[host] = Line(number, self.folder / f"host{number}")
        return self._lines[host]

    def attach(self, host: str) -> Line:
        """Plug a host in: a new namespace with a firewall, then the cable. A cut or bad line stays as it is."""
        line = self.line(host)
        self.detach(host)
        _make_namespace(line.namespace)
        _nft(line.namespace, FIREWALL)
        _ip(
            self.centre,
            f"link add {line.interface} type veth peer name eth0 netns {line.namespace}",
            f"address add {line.here}/30 dev {line.interface}",
            f"link set {line.interface} up",
        )
        _ip(
            line.namespace,
            "link set lo up",
            f"address add {line.there}/30 dev eth0",
            "link set eth0 up",
            f"route add {CENTRE}/32 via {line.here}",
        )
        command.run(inside(line.namespace, [*_LINE, "--without-offload", "eth0"]))
        if host in self._qualities:
            self._spoil(host, self._qualities[host])
        return line

    def unplug(self, host: str) -> None:
        """Pull the cable out for good: nothing that the host's kernel still sends can arrive. `attach` mends it."""
        self._stop_spoiling(host)
        interface = self.line(host).interface
        if interface in self._interfaces():
            _ip(self.centre, f"link delete {interface}")

    def detach(self, host: str) -> None:
        """Unplug a host and forget its namespace; its processes must have ended."""
        self.unplug(host)
        _drop_namespace(self.line(host).namespace)

    def cut(self, host: str) -> None:
        """Let nothing through, in either direction, without a sign."""
        if not self.is_cut(host):
            _nft(self.centre, f"add element inet cables cut {self._ends(host)}")

    def heal(self, host: str) -> None:
        """Let everything through again."""
        if self.is_cut(host):
            _nft(self.centre, f"delete element inet cables cut {self._ends(host)}")

    def is_cut(self, host: str) -> bool:
        """Whether the line is cut now."""
        listed = command.run(inside(self.centre, ["nft", "list", "set", "inet", "cables", "cut"])).out
        return f'"{self.line(host).interface}"' in listed

    def tear(self, host: str) -> None:
        """Answer whatever the host sends with a reset, as a router does that has forgotten its connections."""
        _nft(self.centre, f"add element inet cables torn {self._ends(host)}")

    def mend(self, host: str) -> None:
        """Do so no more."""
        _nft(self.centre, f"delete element inet cables torn {self._ends(host)}")

    def _ends(self, host: str) -> str:
        """The centre's end of a line as a set, whether the line is a plain or a bad one."""
        return f'{{ "{self.line(host).interface}", "{self.line(host).tap}" }}'

    def set_quality(self, host: str, quality: Quality, *, seed: int = 1) -> None:
        """Make a line as bad as wanted, from now on; `PLAIN` puts the plain cable back. The host may be off.

        Args:
            host: whose line.
            quality: how it behaves.
            seed: of its chance; counts when a plain line becomes a bad one.
        """
        if quality == PLAIN:
            self._qualities.pop(host, None)
            self._stop_spoiling(host)
            return
        self._qualities[host] = quality
        if self.line(host).interface in self._interfaces():
            self._spoil(host, quality, seed=seed)

    def carried(self, host: str) -> Counts:
        """What a bad line has carried since it became one.

        Raises:
            LabError: it is a plain one.
        """
        if host not in self._bad:
            raise LabError(f"nobody counts what the line to {host} carries", hint="give it a quality first")
        return self._told(host, self._qualities[host])

    def _spoil(self, host: str, quality: Quality, *, seed: int = 1) -> None:
        line = self.line(host)
        if host not in self._bad:
            argv = [*_LINE, line.interface, line.tap, f"{line.here}/30", str(seed)]
            self._bad[host] = command.converse(inside(self.centre, argv), log=self.folder / f"{line.tap}.log")
        self._told(host, quality)

    def _told(self, host: str, quality: Quality) -> Counts:
        """Tell a line how to behave."""
        child = self._bad[host]
        if child.stdin is None or child.stdout is None:
            raise LabError("a line without ears")
        try:
            child.stdin.write(json.dumps(asdict(quality)) + "\n")
            answer = child.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            said = (self.folder / f"{self.line(host).tap}.log").read_text("utf-8")
            raise LabError(f"the line to {host} does not answer\n{said[-2000:]}")
        return Counts.read(answer)

    def _stop_spoiling(self, host: str) -> None:
        """Put the plain cable back, if there is another."""
        child = self._bad.pop(host, None)
        if child is not None:
            child.communicate(timeout=10)

    def reap(self) -> None:
        """Take the exit codes of lines that were ended from outside (`ledger`)."""
        for host in list(self._bad):
            self._stop_spoiling(host)

    def probe(self, host: str) -> Answers:
        """Look at a host from outside, as a stranger on its cable can: every TCP and UDP port, and ping.

        The line must not be cut, else silence would prove nothing.

        Raises:
            LabError: the line is cut or unplugged.
        """
        if self.is_cut(host) or self.line(host).interface not in self._interfaces():
            raise LabError(f"the line to {host} is cut: its silence would prove nothing", hint="heal it first")
        program = [command.PYTHON, str(Path(__file__).with_name("probe.py")), self.line(host).there]
        found = json.loads(command.run(inside(self.centre, program)).out)
        return Answers(tuple(found["open"]), found["refused"], tuple(found["udp"]), found["ping"])

    def listeners(self, host: str) -> list[str]:
        """Every socket in a host's namespace that waits for somebody: TCP listening, UDP and raw not connected."""
        seen = command.run(inside(self.line(host).namespace, ["ss", "-H", "-l", "-n", "-t", "-u", "-w", "-p"]))
        return [" ".join(line.split()) for line in seen.lines]

    def remove(self) -> None:
        """Forget every namespace; what ran in them must have ended."""
        self.reap()
        for line in self._lines.values():
            _drop_namespace(line.namespace)
        _drop_namespace(self.centre)

    def _interfaces(self) -> list[str]:
        """The interfaces in the centre."""
        shown = command.run(inside(self.centre, ["ip", "-json", "link", "show"])).out
        return [str(link["ifname"]) for link in json.loads(shown)]


def inside(namespace: Path, argv: Sequence[str]) -> list[str]:
    """The command line that runs `argv` in a network namespace."""
    return ["nsenter", f"--net={namespace}", "--", *argv]


def _make_namespace(file: Path) -> None:
    """Make a network namespace that lasts, without IPv6 and without forwarding (which it may inherit)."""
    file.touch()
    command.run(["unshare", f"--net={file}", "true"])
    settings = "echo 0 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6"
    command.run(inside(file, ["sh", "-c", settings]), check=False)  # a kernel without IPv6 has no such file
    forwards = command.run(inside(file, ["cat", "/proc/sys/net/ipv4/ip_forward"])).out.strip()
    if forwards != "0":
        raise LabError("a new network namespace forwards packets, and this could not be turned off")


def _drop_namespace(file: Path) -> None:
    """Forget a namespace, if it is there."""
    if os.path.ismount(file):  # Path.is_mount is for folders only
        command.run(["umount", str(file)])
    file.unlink(missing_ok=True)


def _ip(namespace: Path, *lines: str) -> None:
    """Run `ip` commands in a namespace."""
    command.run(inside(namespace, ["ip", "-batch", "-"]), stdin="".join(f"{line}\n" for line in lines))


def _nft(namespace: Path, text: str) -> None:
    """Load rules into a namespace."""
    command.run(inside(namespace, ["nft", "-f", "-"]), stdin=text)
