"""What a guest must be, in words that a document can carry: a service's machine, whatever runs it.

Sizes are whole: memory in MiB, disks in bytes. A network card's address is written out, never chosen by a host: two
hosts of a site that choose alike would answer for one another.

Refuses to do: know a hypervisor's own words (XML, bus names), or say whether a host can run it (hypervisor.py).

Called by hypervisor.py, by the states and by whoever defines guests.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Annotated

from orch.common.codec import Length, Line, Pattern
from orch.common.names import Name, Path


class Kind(Enum):
    """How a guest meets the machine (thesis 4.3)."""

    PV = "pv"  # knows that it is a guest, and needs nothing of the processor
    PVH = "pvh"  # knows it too, and lets the processor help
    HVM = "hvm"  # believes to be a machine
    CONTAINER = "container"  # shares the host's kernel


class DiskKind(Enum):
    """What a disk is made of."""

    FILE = "file"  # raw bytes in a file
    BLOCK = "block"  # a device of the host
    OVERLAY = "overlay"  # what differs from a base that is never written to (qcow2)
    FOLDER = "folder"  # a container's root


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """One disk; the first is what a guest without a kernel of its own starts from."""

    kind: DiskKind
    path: Path
    base: Path | None = None  # of an overlay; raw
    size: int = 0  # bytes; of a file: made with this size where it is missing. 0: somebody else brings it
    read_only: bool = False
    keep: bool = False  # stays when the guest goes


Mac = Annotated[str, Pattern(r"[0-9a-f][02468ace](:[0-9a-f]{2}){5}", "a network card's address (52:54:00:0a:0b:0c)")]
Interface = Annotated[str, Pattern(r"[A-Za-z0-9][A-Za-z0-9._-]{0,14}", "an interface's name"), Length(1, 15)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Net:
    """One network card, plugged into a bridge of the host."""

    bridge: Interface
    mac: Mac


@dataclass(frozen=True, slots=True, kw_only=True)
class Kernel:
    """A kernel that the host hands to the guest; without, the guest's own disk is started."""

    path: Path
    initrd: Path | None = None
    arguments: Line = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Guest:
    """One guest."""

    name: Name
    kind: Kind
    memory: int  # MiB
    vcpus: int = 1
    kernel: Kernel | None = None
    init: Path | None = None  # of a container: the program that is its first
    disks: Annotated[tuple[Disk, ...], Length(0, 16)] = ()
    nets: Annotated[tuple[Net, ...], Length(0, 8)] = ()
    autostart: bool = False  # started by the hypervisor when the host starts, with nobody's help
    emulated: bool = False  # may run without the processor's help, tens of times slower
