"""Real guests behind the one door to libvirt: machines in emulation, containers, and Xen's where a Xen host is at hand.

The promises are those of tests/contract/guests_contract.py. A libvirtd of our own serves the first two
(tests/lab/guesthouse.py). On a Xen host, `ORCH_TEST_XEN=xen:///system` asks its own; its bridge and the first three
numbers of that network are `ORCH_TEST_XEN_NET`, such as `xenbr0 10.1.0`.
A hypervisor that is not here is skipped with the word of what was not run.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from orch.common.errors import Blocked, NoHypervisor
from orch.common.guest import Disk, DiskKind, Guest, Kernel, Kind, Net
from orch.common.hypervisor import Hypervisor
from orch.minion.adapters.guests import finding
from orch.minion.adapters.guests.life import LibvirtGuests, Place
from orch.states.hypervisor import Life
from tests.contract import guests_contract
from tests.contract.guests_contract import PATIENCE, Case
from tests.lab import command, guesthouse, tinyguest
from tests.lab.guesthouse import BRIDGE, NETWORK, GuestHouse
from tests.lab.tinyguest import TinyGuest

CHECKOUT = Path(__file__).resolve().parents[2]
STRANGER = "somebodys"
NAME = "tiny"
XEN = "ORCH_TEST_XEN"
NEEDED = {
    Hypervisor.KVM: ("libvirtd", "qemu-system-x86_64", "qemu-img", "busybox", "cpio", "depmod"),
    Hypervisor.LXC: ("libvirtd", "busybox"),
}
SCHEMES = {Hypervisor.KVM: "qemu", Hypervisor.LXC: "lxc"}
DRIVERS = Path("/usr/lib/x86_64-linux-gnu/libvirt/connection-driver")


def missing(hypervisor: Hypervisor) -> str:
    """What is not here and is needed; empty if all is."""
    if hypervisor is Hypervisor.XEN:
        return "" if os.environ.get(XEN) else f"a Xen host; {XEN} names none"
    gone = [name for name in NEEDED[hypervisor] if shutil.which(name, path=command.PATH) is None]
    if not (DRIVERS / f"libvirt_driver_{SCHEMES[hypervisor]}.so").exists():
        gone.append(f"libvirt-daemon-driver-{SCHEMES[hypervisor]}")
    if hypervisor is Hypervisor.LXC and not guesthouse.first_version():
        gone.append("control groups of the first version")
    return ", ".join(gone)


@pytest.fixture(scope="module")
def house() -> Iterator[GuestHouse]:
    """One libvirtd for all of them."""
    pytest.importorskip("libvirt", reason="not run: all real guests; python3-libvirt is not installed")
    with GuestHouse() as made:
        yield made


@pytest.fixture(params=[Hypervisor.KVM, Hypervisor.LXC, Hypervisor.XEN], ids=lambda one: one.value)
def case(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Case]:
    """A guest of each kind, and a stranger of the same kind beside it."""
    hypervisor: Hypervisor = request.param
    gone = missing(hypervisor)
    if gone:
        pytest.skip(f"not run: guests of {hypervisor.value}; missing here: {gone}")
    if hypervisor is Hypervisor.XEN:
        bridge, network = os.environ.get("ORCH_TEST_XEN_NET", "xenbr0 10.1.0").split()
        bed = Bed(hypervisor, tmp_path, os.environ[XEN], bridge, network, guesthouse.get)
    else:
        house: GuestHouse = request.getfixturevalue("house")
        folder = Path(tempfile.mkdtemp(dir=house.folder))
        bed = Bed(hypervisor, folder, house.uri(SCHEMES[hypervisor]), BRIDGE, NETWORK, house.fetch)
    yield from a_case(bed)


@dataclass(frozen=True, slots=True)
class Bed:
    """Where guests are put: a hypervisor's address, a folder for disks, a bridge, and a way to fetch a page."""

    hypervisor: Hypervisor
    folder: Path
    uri: str
    bridge: str
    network: str
    fetch: Callable[[str, str], str | None]


def a_case(bed: Bed) -> Iterator[Case]:
    guests = finding.find(bed.hypervisor, Place(uri=bed.uri, logs=bed.folder / "logs"))
    stranger(bed.uri, bed.hypervisor)
    made = container(bed) if bed.hypervisor is Hypervisor.LXC else machine(bed, tiny())
    try:
        yield Case(
            hypervisor=guests,
            guest=made.guest,
            sign=tinyguest.ALIVE,
            answer=lambda: bed.fetch(made.address, "/"),
            crash=lambda: crash(bed, made.address),
            exists=lambda path: Path(path).exists(),
            said=made.said,
            stranger=STRANGER,
            bridge=bed.bridge,
            until=until,
        )
    finally:
        guests.undefine(NAME)
        guests.close()
        made.end()


@dataclass(frozen=True, slots=True)
class Made:
    """A guest that can be defined."""

    guest: Guest
    address: str
    said: tuple[str, ...] = ()
    end: Callable[[], object] = lambda: None


@cache
def tiny() -> TinyGuest:
    """Built once; or brought, where apt reaches no mirror."""
    brought = os.environ.get("ORCH_TEST_GUEST")
    if brought:
        return TinyGuest(kernel=Path(brought) / "vmlinuz", initrd=Path(brought) / "initrd")
    return tinyguest.get(CHECKOUT / "build/cache")


def machine(bed: Bed, system: TinyGuest) -> Made:
    """A machine with a disk of every kind; of Xen a paravirtual one, in emulation otherwise."""
    base, device = bed.folder / "base.img", bed.folder / "device.img"
    base.write_bytes(b"from-the-base\n".ljust(1 << 20, b"\0"))
    device.write_bytes(b"from-the-device\n".ljust(1 << 20, b"\0"))
    loop = command.run(["losetup", "--find", "--show", str(device)]).out.strip()
    on_xen = bed.hypervisor is Hypervisor.XEN
    console, disk = ("hvc0", "xvd") if on_xen else ("ttyS0", "vd")
    address = f"{bed.network}.5"
    orders = f"address={address}/24 read={disk}a read={disk}b write={disk}c:written read={disk}c"
    guest = Guest(
        name=NAME,
        kind=Kind.PV if on_xen else Kind.HVM,
        memory=128,
        kernel=Kernel(
            path=str(system.kernel),
            initrd=str(system.initrd),
            arguments=f"console={console} {tinyguest.BRISK} {orders}",
        ),
        disks=(
            Disk(kind=DiskKind.OVERLAY, path=str(bed.folder / "root.qcow2"), base=str(base)),
            Disk(kind=DiskKind.BLOCK, path=loop, read_only=True),
            Disk(kind=DiskKind.FILE, path=str(bed.folder / "data.img"), size=1 << 20, keep=True),
        ),
        nets=(Net(bridge=bed.bridge, mac="52:54:00:00:00:05"),),
        # The machine's own virtualization may be there and yet boot nothing (CI in a guest of a guest).
        emulated=not on_xen,
    )
    words = (f"{disk}a from-the-base", f"{disk}b from-the-device", f"{disk}c written")
    said = tuple(f"GUEST-DISK {line}" for line in words)
    return Made(guest, address, said, lambda: command.run(["losetup", "--detach", loop]))


def container(bed: Bed) -> Made:
    """A container."""
    address = f"{bed.network}.6"
    tinyguest.container(bed.folder / "root", f"address={address}/24")
    guest = Guest(
        name=NAME,
        kind=Kind.CONTAINER,
        memory=64,
        init="/init",
        disks=(Disk(kind=DiskKind.FOLDER, path=str(bed.folder / "root")),),
        nets=(Net(bridge=bed.bridge, mac="52:54:00:00:00:06"),),
    )
    return Made(guest, address)


def stranger(uri: str, hypervisor: Hypervisor) -> None:
    """A guest that orch did not define."""
    import libvirt

    kind, system = {
        Hypervisor.KVM: ("qemu", "<type>hvm</type>"),
        Hypervisor.LXC: ("lxc", "<type>exe</type><init>/init</init>"),
        Hypervisor.XEN: ("xen", "<type machine='xenpv'>linux</type><kernel>/boot/none</kernel>"),
    }[hypervisor]
    connection = libvirt.open(uri)
    if STRANGER not in [one.name() for one in connection.listAllDomains()]:
        connection.defineXML(
            f"<domain type='{kind}'><name>{STRANGER}</name><memory unit='MiB'>64</memory><os>{system}</os></domain>"
        )
    connection.close()


def crash(bed: Bed, address: str) -> None:
    bed.fetch(address, "/cgi-bin/crash")


def until(happened: Callable[[], bool]) -> bool:
    end = time.monotonic() + PATIENCE
    while not happened():
        if time.monotonic() > end:
            return False
        time.sleep(0.2)
    return True


@pytest.mark.parametrize("promise", guests_contract.STILL + guests_contract.ALIVE, ids=lambda promise: promise.__name__)
def test_a_real_hypervisor(promise: Callable[[Case], None], case: Case) -> None:
    promise(case)


def test_a_machine_is_asked_what_it_has(house: GuestHouse) -> None:
    for hypervisor in (Hypervisor.KVM, Hypervisor.LXC):
        if missing(hypervisor):
            pytest.skip(f"not run: finding {hypervisor.value}; missing here: {missing(hypervisor)}")
        guests = finding.find(None, Place(uri=house.uri(SCHEMES[hypervisor])))
        assert guests.ability().hypervisor is hypervisor
        guests.close()


def test_a_hypervisor_that_is_not_here_is_not_taken_for_another(house: GuestHouse) -> None:
    with pytest.raises(NoHypervisor, match=r"^xen"):
        finding.find(Hypervisor.XEN, Place(uri=house.uri("xen")))


@pytest.mark.parametrize("case", [Hypervisor.LXC], indirect=True, ids=["lxc"])
def test_guests_outlive_libvirt_s_daemon_and_are_found_again(case: Case, house: GuestHouse) -> None:
    case.hypervisor.define(case.guest)
    number = case.started()

    def away() -> None:
        for _ in range(2):
            with pytest.raises(Blocked) as caught:
                case.hypervisor.guests()
            assert "libvirtd" in caught.value.hint
        assert case.answer() == number

    house.restart(away=away)
    assert case.life() is Life.RUNNING
    assert case.answered() == number


@pytest.mark.parametrize(
    ("hypervisor", "variable"),
    [
        (Hypervisor.ESX, "ORCH_TEST_ESX"),
        (Hypervisor.VMWARE_PLAYER, "ORCH_TEST_VMWAREPLAYER"),
    ],
)
def test_what_is_not_at_hand_goes_through_the_same_door(hypervisor: Hypervisor, variable: str) -> None:
    """Where the variable names a server, its ability is asked; nowhere else is anything claimed of it."""
    uri = os.environ.get(variable, "")
    if not uri:
        pytest.skip(f"not run: {hypervisor.value}; {variable} names no server")
    guests: LibvirtGuests = finding.find(hypervisor, Place(uri=uri))
    assert guests.ability().hypervisor is hypervisor
    guests.close()
