"""Guests as XML and back, and what libvirt says of a machine, for every driver; libvirt itself is not needed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from orch.common.errors import StepFailed
from orch.common.guest import Disk, DiskKind, Guest, Kernel, Kind, Net
from orch.common.hypervisor import Hypervisor
from orch.minion.adapters.guests import domain
from orch.minion.adapters.guests.drivers import DRIVERS, Driver, Offer, Said, able

LOG = Path("/var/log/orch/guests/ltsp.log")
PATHS = {DiskKind.FILE: "/srv/a.img", DiskKind.BLOCK: "/dev/vg0/b", DiskKind.OVERLAY: "/srv/c.qcow2"}


def guests(driver: Driver) -> list[Guest]:
    """One of every kind that the driver has, with every kind of disk."""
    disks = [Disk(kind=kind, path=PATHS[kind]) for kind in driver.disks if kind in PATHS]
    disks = [replace(one, base="/srv/base.img") if one.kind is DiskKind.OVERLAY else one for one in disks]
    if disks:
        disks[0] = replace(disks[0], read_only=True, keep=True, size=4096)
    if DiskKind.FOLDER in driver.disks:
        disks.insert(0, Disk(kind=DiskKind.FOLDER, path="/srv/root"))
    net = Net(bridge="br-lan", mac="52:54:00:0a:0b:0c")
    kernel = Kernel(path="/boot/vmlinuz", initrd="/boot/initrd", arguments="console=hvc0 root=/dev/xvda <&>")
    found = []
    for kind in driver.forms:
        contained = kind is Kind.CONTAINER
        found.append(
            Guest(
                name="ltsp",
                kind=kind,
                memory=768,
                vcpus=2,
                kernel=None if contained else kernel,
                init="/sbin/init" if contained else None,
                disks=tuple(disks),
                nets=(net, replace(net, mac="52:54:00:0a:0b:0d")),
                autostart=True,
                emulated=bool(driver.emulated),
            )
        )
    return found


CASES = {
    f"{driver.hypervisor.value}-{guest.kind.value}": (driver, guest)
    for driver in DRIVERS.values()
    for guest in guests(driver)
}


@pytest.mark.parametrize(("driver", "guest"), CASES.values(), ids=CASES)
def test_a_guest_comes_back_as_it_was_written(driver: Driver, guest: Guest) -> None:
    xml = domain.write(guest, driver, arch="x86_64", log=LOG, identity="1b4e28ba-2fa1-11d2-883f-0016d3cca427")
    assert domain.read(xml, autostart=True) == guest
    assert domain.read(xml, autostart=False) == replace(guest, autostart=False)


def plain() -> ET.Element:
    """A guest of Xen's."""
    driver = DRIVERS[Hypervisor.XEN]
    return ET.fromstring(domain.write(guests(driver)[0], driver, arch="x86_64", log=LOG))


def test_what_libvirt_fills_in_makes_no_difference() -> None:
    root = plain()
    before = domain.read(ET.tostring(root, encoding="unicode"), autostart=True)
    memory = root.find("memory")
    devices = root.find("devices")
    assert memory is not None
    assert devices is not None
    memory.text, memory.attrib["unit"] = str(768 * 1024), "KiB"
    ET.SubElement(root, "currentMemory", unit="KiB").text = "4096"
    ET.SubElement(ET.SubElement(devices, "controller", type="pci"), "address", slot="0x01")
    for disk in devices.iterfind("disk"):
        ET.SubElement(disk, "address", slot="0x02")
    assert domain.read(ET.tostring(root, encoding="unicode"), autostart=True) == before


def test_a_guest_without_the_mark_is_somebody_else_s() -> None:
    root = plain()
    metadata = root.find("metadata")
    assert metadata is not None
    root.remove(metadata)
    assert domain.read(ET.tostring(root, encoding="unicode"), autostart=True) is None


def test_a_guest_that_was_altered_beyond_words_is_said_to_be() -> None:
    root = plain()
    system = root.find("os/type")
    assert system is not None
    system.text = "uml"
    with pytest.raises(StepFailed, match="altered by hand"):
        domain.read(ET.tostring(root, encoding="unicode"), autostart=True)


def test_a_disk_that_was_taken_out_by_hand_shows() -> None:
    root = plain()
    devices = root.find("devices")
    assert devices is not None
    devices.remove(next(devices.iterfind("disk")))
    found = domain.read(ET.tostring(root, encoding="unicode"), autostart=True)
    assert found is not None
    assert len(found.disks) == len(guests(DRIVERS[Hypervisor.XEN])[0].disks) - 1


def test_a_container_never_sits_in_the_host_s_network() -> None:
    driver = DRIVERS[Hypervisor.LXC]
    lonely = replace(guests(driver)[0], nets=())
    root = ET.fromstring(domain.write(lonely, driver, arch="x86_64", log=LOG))
    assert root.find("features/privnet") is not None


def capabilities(*offers: tuple[str, str, str]) -> str:
    """What libvirt would say of a machine that offers (type of system, architecture, type of domain)."""
    said = "".join(
        f"<guest><os_type>{system}</os_type><arch name='{arch}'><domain type='{kind}'/></arch></guest>"
        for system, arch, kind in offers
    )
    return f"<capabilities><host><cpu><arch>x86_64</arch></cpu></host>{said}</capabilities>"


@pytest.mark.parametrize(
    ("hypervisor", "offers", "kinds", "emulates"),
    [
        (Hypervisor.XEN, [("xen", "x86_64", "xen")], (Kind.PV,), ()),
        (
            Hypervisor.XEN,
            [("xen", "x86_64", "xen"), ("xenpvh", "x86_64", "xen"), ("hvm", "x86_64", "xen")],
            (Kind.PV, Kind.PVH, Kind.HVM),
            (),
        ),
        (Hypervisor.KVM, [("hvm", "x86_64", "qemu")], (), (Kind.HVM,)),
        (Hypervisor.KVM, [("hvm", "x86_64", "qemu"), ("hvm", "x86_64", "kvm")], (Kind.HVM,), (Kind.HVM,)),
        (Hypervisor.KVM, [("hvm", "aarch64", "qemu")], (), ()),
        (Hypervisor.LXC, [("exe", "x86_64", "lxc")], (Kind.CONTAINER,), ()),
    ],
)
def test_what_a_machine_can_follows_its_hardware(
    hypervisor: Hypervisor, offers: list[tuple[str, str, str]], kinds: tuple[Kind, ...], emulates: tuple[Kind, ...]
) -> None:
    found, arch = domain.offers(capabilities(*offers))
    said = Said(version=4_017_007, offers=found, arch=arch, memory=2048, cpus=2)
    ability = able(DRIVERS[hypervisor], said)
    assert (ability.kinds, ability.emulates) == (kinds, emulates)
    assert ability.version == "4.17.7"


def test_offers_are_those_of_the_machine_s_own_architecture() -> None:
    found, arch = domain.offers(capabilities(("hvm", "i686", "qemu"), ("hvm", "x86_64", "kvm")))
    assert (found, arch) == ((Offer("hvm", "kvm"),), "x86_64")


def test_only_the_simulated_one_is_simulated_and_what_was_never_met_is_untested() -> None:
    said = Said(version=1, offers=(), arch="x86_64", memory=1, cpus=1)
    abilities = [able(driver, said) for driver in DRIVERS.values()]
    assert [one.hypervisor for one in abilities if one.simulated] == [Hypervisor.TEST]
    untested = {one.hypervisor for one in abilities if one.untested}
    assert untested == {Hypervisor.ESX, Hypervisor.VMWARE_PLAYER}


def test_the_reference_says_the_same() -> None:
    page = (Path(__file__).parents[4] / "docs/reference/hypervisors.md").read_text("utf-8")
    for driver in DRIVERS.values():
        cells = (
            f"`{driver.hypervisor.value}`",
            f"`{driver.uri}`" if driver.uri else "a server's",
            ", ".join(kind.value for kind in driver.forms),
            ", ".join(kind.value for kind in driver.disks),
            "yes" if driver.saves else "no",
            "yes" if driver.crashes else "no",
            "no" if driver.untested else "yes",
        )
        assert f"| {' | '.join(cells)} |" in page
