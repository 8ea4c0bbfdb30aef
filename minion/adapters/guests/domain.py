"""A guest as libvirt's XML, and back: the only place that knows XML.

Invariants:
- `read(write(guest))` is the guest again, also after libvirt has filled in what it likes: addresses, controllers,
  an identity. So two guests can be compared, and XML never needs to be;
- what orch wrote carries its mark; without it `read` sees no guest;
- what libvirt has no place for (which disks stay, with which size they are made) stands beside the mark.

Called by life.py.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET

from orch.common.errors import StepFailed
from orch.common.guest import Disk, DiskKind, Guest, Kernel, Kind, Net
from orch.minion.adapters.guests.drivers import Driver, Form, Keeping, Offer

_MARK: Final = "urn:orch:guest:1"
_KINDS: Final = {
    "linux": Kind.PV,
    "xen": Kind.PV,
    "xenpvh": Kind.PVH,
    "hvm": Kind.HVM,
    "exe": Kind.CONTAINER,
}
_KIB: Final = {"b": 1 / 1024, "KiB": 1, "MiB": 1024, "GiB": 1024 * 1024}
ET.register_namespace("orch", _MARK)


def write(guest: Guest, driver: Driver, *, arch: str, log: Path, identity: str = "") -> str:
    """A guest as XML for a driver.

    Args:
        guest: without objections against it.
        driver: for which.
        arch: the machine's architecture, as libvirt says it.
        log: where its console is kept, if the driver keeps it where it is told.
        identity: of the guest of that name that it replaces.
    """
    root = ET.Element("domain", type=driver.emulated if guest.emulated else driver.domain)
    _add(root, "name", guest.name)
    if identity:
        _add(root, "uuid", identity)
    _mark(_add(root, "metadata"), guest)
    _add(root, "memory", str(guest.memory), unit="MiB")
    _add(root, "vcpu", str(guest.vcpus))
    _start(_add(root, "os"), guest, driver.forms[guest.kind], arch)
    _features(_add(root, "features"), guest)
    # A guest that crashed stays down: whoever looks next sees that it did, and decides.
    for event, then in (("on_poweroff", "destroy"), ("on_reboot", "restart"), ("on_crash", "destroy")):
        _add(root, event, then)
    devices = _add(root, "devices")
    for place, disk in enumerate(guest.disks):
        _disk(devices, disk, driver, f"{driver.prefix}{chr(ord('a') + place)}")
    for net in guest.nets:
        _net(devices, net, driver)
    _console(devices, driver, guest, log)
    return ET.tostring(root, encoding="unicode")


def read(xml: str, *, autostart: bool) -> Guest | None:
    """The guest that some XML of libvirt's describes; None for one that orch did not write.

    Raises:
        StepFailed: it has orch's mark, but was altered into something that orch has no words for.
    """
    root = _parsed(xml)
    mark = root.find(f"metadata/{{{_MARK}}}guest")
    if mark is None:
        return None
    name = _text(root, "name")
    try:
        return _guest(root, mark, name=name, autostart=autostart)
    except (KeyError, ValueError) as err:
        raise StepFailed(
            f"the guest {name} was altered by hand into something that orch has no words for: {err}",
            hint=f"undo that, or give it up: virsh undefine {name}",
        ) from err


def offers(xml: str) -> tuple[tuple[Offer, ...], str]:
    """What libvirt's capabilities say can be run, and the machine's architecture."""
    root = _parsed(xml)
    found = [
        (_text(guest, "os_type"), arch.get("name", ""), domain.get("type", ""))
        for guest in root.iterfind("guest")
        for arch in guest.iterfind("arch")
        for domain in arch.iterfind("domain")
    ]
    own = _text(root, "host/cpu/arch")
    return tuple(Offer(system, domain) for system, arch, domain in found if arch == own), own


def terminal(xml: str) -> str:
    """The terminal in which a running guest's console can be read; empty where it has none."""
    console = _parsed(xml).find("devices/console")
    return "" if console is None else console.get("tty", "")


# ---- writing


def _add(parent: ET.Element, tag: str, text: str = "", **attributes: str) -> ET.Element:
    child = ET.SubElement(parent, tag, attributes)
    child.text = text or None
    return child


def _mark(metadata: ET.Element, guest: Guest) -> None:
    mark = ET.SubElement(metadata, f"{{{_MARK}}}guest")
    for disk in guest.disks:
        kept = {"keep": "yes"} if disk.keep else {}
        ET.SubElement(mark, f"{{{_MARK}}}disk", {"path": disk.path, "size": str(disk.size), **kept})


def _start(system: ET.Element, guest: Guest, form: Form, arch: str) -> None:
    machine = {"machine": form.machine} if form.machine else {}
    _add(system, "type", form.os, arch=arch, **machine)
    if guest.init is not None:
        _add(system, "init", guest.init)
    if guest.kernel is not None:
        _add(system, "kernel", guest.kernel.path)
        if guest.kernel.initrd is not None:
            _add(system, "initrd", guest.kernel.initrd)
        if guest.kernel.arguments:
            _add(system, "cmdline", guest.kernel.arguments)


def _features(features: ET.Element, guest: Guest) -> None:
    if guest.kind is Kind.HVM:
        for name in ("acpi", "apic", "pae"):
            _add(features, name)
    if guest.kind is Kind.CONTAINER:
        _add(features, "privnet")  # without, a container that has no network card of its own sits in the host's network


def _disk(devices: ET.Element, disk: Disk, driver: Driver, target: str) -> None:
    if disk.kind is DiskKind.FOLDER:
        place = _add(devices, "filesystem", type="mount")
        _add(place, "source", dir=disk.path)
        _add(place, "target", dir="/")
    else:
        source = "dev" if disk.kind is DiskKind.BLOCK else "file"
        place = _add(devices, "disk", type="block" if disk.kind is DiskKind.BLOCK else "file", device="disk")
        name, form = driver.disks[disk.kind], "qcow2" if disk.kind is DiskKind.OVERLAY else "raw"
        if name:
            _add(place, "driver", name=name, type=form)
        _add(place, "source", **{source: disk.path})
        if disk.base is not None:
            backing = _add(place, "backingStore", type="file")
            _add(backing, "format", type="raw")
            _add(backing, "source", file=disk.base)
        _add(place, "target", dev=target, **({"bus": driver.bus} if driver.bus else {}))
    if disk.read_only:
        _add(place, "readonly")


def _net(devices: ET.Element, net: Net, driver: Driver) -> None:
    card = _add(devices, "interface", type="bridge")
    _add(card, "mac", address=net.mac)
    _add(card, "source", bridge=net.bridge)
    if driver.bus == "virtio":
        _add(card, "model", type="virtio")


def _console(devices: ET.Element, driver: Driver, guest: Guest, log: Path) -> None:
    if driver.console is Keeping.LOG:
        port = _add(devices, "serial", type="pty")
        _add(port, "log", file=str(log), append="on")
        # How a crashed guest says so; without it a panic looks like a guest that is busy.
        _add(devices, "panic", model="isa")
        _add(devices, "controller", type="usb", model="none")
    elif driver.console is Keeping.XEN and guest.kind is Kind.HVM:
        _add(devices, "serial", type="pty")
    else:
        _add(devices, "console", type="pty")


# ---- reading


def _parsed(xml: str) -> ET.Element:
    """Parsed; it comes from the machine's own libvirt, which root alone can make say something else."""
    return ET.fromstring(xml)  # noqa: S314


def _guest(root: ET.Element, mark: ET.Element, *, name: str, autostart: bool) -> Guest:
    memory = root.find("memory")
    kernel = _text(root, "os/kernel")
    beside = {item.get("path", ""): item for item in mark.iterfind(f"{{{_MARK}}}disk")}
    found = [_folder(item) for item in root.iterfind("devices/filesystem")]
    found += [_found_disk(item) for item in root.iterfind("devices/disk")]
    if memory is None:
        raise ValueError("no memory")
    return Guest(
        name=name,
        kind=_KINDS[_text(root, "os/type")],
        memory=round(int(memory.text or "0") * _KIB[memory.get("unit", "KiB")] / 1024),
        vcpus=int(_text(root, "vcpu")),
        kernel=Kernel(path=kernel, initrd=_text(root, "os/initrd") or None, arguments=_text(root, "os/cmdline"))
        if kernel
        else None,
        init=_text(root, "os/init") or None,
        disks=tuple(_with_mark(disk, beside.get(disk.path)) for disk in found),
        nets=tuple(_found_net(item) for item in root.iterfind("devices/interface")),
        autostart=autostart,
        emulated=root.get("type") == "qemu",
    )


def _folder(item: ET.Element) -> Disk:
    return Disk(kind=DiskKind.FOLDER, path=_attribute(item, "source", "dir"), read_only=_flag(item))


def _found_disk(item: ET.Element) -> Disk:
    if item.get("type") == "block":
        return Disk(kind=DiskKind.BLOCK, path=_attribute(item, "source", "dev"), read_only=_flag(item))
    driver = item.find("driver")
    overlay = driver is not None and driver.get("type") == "qcow2"
    return Disk(
        kind=DiskKind.OVERLAY if overlay else DiskKind.FILE,
        path=_attribute(item, "source", "file"),
        base=_attribute(item, "backingStore/source", "file") if overlay else None,
        read_only=_flag(item),
    )


def _flag(item: ET.Element) -> bool:
    return item.find("readonly") is not None


def _with_mark(disk: Disk, note: ET.Element | None) -> Disk:
    if note is None:
        return disk
    return replace(disk, size=int(note.get("size", "0")), keep=note.get("keep") == "yes")


def _found_net(item: ET.Element) -> Net:
    return Net(bridge=_attribute(item, "source", "bridge"), mac=_attribute(item, "mac", "address"))


def _text(parent: ET.Element, path: str) -> str:
    return (parent.findtext(path) or "").strip()


def _attribute(parent: ET.Element, path: str, name: str) -> str:
    """An attribute; empty where it is missing, so that the comparison shows that something is gone."""
    child = parent.find(path)
    return "" if child is None else child.get(name, "")
