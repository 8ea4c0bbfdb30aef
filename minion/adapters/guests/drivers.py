"""How the hypervisors differ, as a table: addresses, libvirt's words for each, and what they are good for.

An entry of `DRIVERS` is all that a further hypervisor needs. What a driver can on one machine depends on the machine
too: `able` joins an entry with what libvirt says there.

Called by finding.py, domain.py and life.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from orch.common.guest import DiskKind, Kind
from orch.common.hypervisor import Ability, Hypervisor


class Keeping(Enum):
    """Where a guest's console can be read."""

    LOG = "log"  # the hypervisor appends to a file that the guest's XML names
    XEN = "xen"  # xenconsoled appends to a file of its own choosing
    LIVE = "live"  # in a terminal, which keeps 4 KiB for whoever reads next
    NOWHERE = "nowhere"


@dataclass(frozen=True, slots=True)
class Form:
    """What libvirt calls a kind of guest."""

    os: str
    machine: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Driver:
    """One hypervisor behind libvirt."""

    hypervisor: Hypervisor
    scheme: str  # of its addresses
    uri: str  # empty: only whoever has a server knows
    domain: str  # libvirt's type of domain
    emulated: str = ""  # the type without the processor's help; empty: there is none
    forms: Mapping[Kind, Form] = field(default_factory=dict)
    disks: Mapping[DiskKind, str] = field(default_factory=dict)  # with libvirt's driver for each
    bus: str = ""
    prefix: str = ""  # of disks' names in the guest
    console: Keeping = Keeping.NOWHERE
    saves: bool = True
    crashes: bool = True
    signals: bool = False  # a guest is asked to end by a signal, too
    mend: str = ""  # what to do where it does not answer
    untested: bool = False

    @property
    def simulated(self) -> bool:
        """Whether nothing runs."""
        return self.hypervisor is Hypervisor.TEST


@dataclass(frozen=True, slots=True)
class Offer:
    """One kind of guest that libvirt says it can run: its type of system, and its type of domain."""

    os: str
    domain: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What libvirt says of a machine."""

    version: int  # as libvirt numbers: 1,000,000 a major, 1,000 a minor
    offers: tuple[Offer, ...]
    arch: str
    memory: int  # MiB
    cpus: int


_QEMU_DISKS: Final = {DiskKind.FILE: "qemu", DiskKind.BLOCK: "qemu", DiskKind.OVERLAY: "qemu"}

DRIVERS: Final[Mapping[Hypervisor, Driver]] = {
    driver.hypervisor: driver
    for driver in (
        Driver(
            hypervisor=Hypervisor.XEN,
            scheme="xen",
            uri="xen:///system",
            domain="xen",
            forms={Kind.PV: Form("linux", "xenpv"), Kind.PVH: Form("xenpvh", "xenpvh"), Kind.HVM: Form("hvm", "xenfv")},
            disks={DiskKind.FILE: "qemu", DiskKind.BLOCK: "phy", DiskKind.OVERLAY: "qemu"},
            bus="xen",
            prefix="xvd",
            console=Keeping.XEN,
            mend="apt install xen-system-amd64 libvirt-daemon-system libvirt-daemon-driver-xen, and boot with Xen",
        ),
        Driver(
            hypervisor=Hypervisor.KVM,
            scheme="qemu",
            uri="qemu:///system",
            domain="kvm",
            emulated="qemu",
            forms={Kind.HVM: Form("hvm", "pc")},
            disks=_QEMU_DISKS,
            bus="virtio",
            prefix="vd",
            console=Keeping.LOG,
            mend="apt install qemu-system-x86 qemu-utils libvirt-daemon-system libvirt-daemon-driver-qemu",
        ),
        Driver(
            hypervisor=Hypervisor.LXC,
            scheme="lxc",
            uri="lxc:///system",
            domain="lxc",
            forms={Kind.CONTAINER: Form("exe")},
            disks={DiskKind.FOLDER: "", DiskKind.BLOCK: ""},
            bus="",
            prefix="vd",
            console=Keeping.LIVE,
            saves=False,
            crashes=False,  # libvirt says "shut down", however the first program ended
            signals=True,
            mend="apt install libvirt-daemon-system libvirt-daemon-driver-lxc",
        ),
        Driver(
            hypervisor=Hypervisor.TEST,
            scheme="test",
            uri="test:///default",
            domain="test",
            forms={Kind.PV: Form("xen"), Kind.HVM: Form("hvm")},
            disks=_QEMU_DISKS,
            bus="virtio",
            prefix="vd",
            mend="apt install python3-libvirt",
        ),
        Driver(
            hypervisor=Hypervisor.ESX,
            scheme="esx",
            uri="",
            domain="vmware",
            forms={Kind.HVM: Form("hvm")},
            disks={DiskKind.FILE: ""},
            bus="scsi",
            prefix="sd",
            saves=False,
            mend="name the server: esx://USER@SERVER/",
            untested=True,
        ),
        Driver(
            hypervisor=Hypervisor.VMWARE_PLAYER,
            scheme="vmwareplayer",
            uri="vmwareplayer:///session",
            domain="vmware",
            forms={Kind.HVM: Form("hvm")},
            disks={DiskKind.FILE: ""},
            bus="scsi",
            prefix="sd",
            saves=False,
            mend="install VMware Player: its vmrun must be on the path",
            untested=True,
        ),
    )
}

ORDER: Final = (Hypervisor.XEN, Hypervisor.KVM, Hypervisor.LXC)
"""In which a machine is asked what it has. The others are taken only where a document names them."""


def able(driver: Driver, said: Said) -> Ability:
    """What a driver can on a machine of which libvirt says this."""
    full, slow = (
        tuple(kind for kind, form in driver.forms.items() if _offered(form, domain, said))
        for domain in (driver.domain, driver.emulated)
    )
    return Ability(
        hypervisor=driver.hypervisor,
        version=f"{said.version // 1_000_000}.{said.version // 1000 % 1000}.{said.version % 1000}",
        kinds=full,
        emulates=slow,
        disks=tuple(driver.disks),
        saves=driver.saves,
        crashes=driver.crashes,
        memory=said.memory,
        cpus=said.cpus,
        simulated=driver.simulated,
        untested=driver.untested,
    )


def _offered(form: Form, domain: str, said: Said) -> bool:
    # What a guest's XML calls `linux`, libvirt's own list of what it can calls `xen`.
    names = {form.os, "xen"} if form.os == "linux" else {form.os}
    return any(offer.os in names and offer.domain == domain for offer in said.offers)
