"""The fake hypervisor, and libvirt's test driver, keep the promises of the real ones (tests/system/test_guests.py)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from orch.common.guest import Disk, DiskKind, Guest, Kernel, Kind, Net
from orch.common.hypervisor import Hypervisor
from orch.minion.adapters.guests import finding
from orch.minion.adapters.guests.life import LibvirtGuests, Place
from orch.states.hypervisor import Life
from tests.contract import guests_contract
from tests.contract.guests_contract import Case
from tests.fakes.hypervisor import SIGN, XEN, FakeHypervisor
from tests.fakes.runner import FakeRunner

KERNEL = Kernel(path="/boot/vmlinuz-guest", initrd="/boot/initrd-guest", arguments="console=hvc0 quiet")
GUEST = Guest(
    name="reading-room",
    kind=Kind.PV,
    memory=64,
    kernel=KERNEL,
    disks=(
        Disk(kind=DiskKind.OVERLAY, path="/srv/room.qcow2", base="/srv/room.img"),
        Disk(kind=DiskKind.FILE, path="/srv/books.img", size=1 << 20, keep=True),
        Disk(kind=DiskKind.FILE, path="/srv/swap.img", size=1 << 20),
        Disk(kind=DiskKind.BLOCK, path="/dev/vg0/lent", read_only=True),
    ),
    nets=(Net(bridge="br-lan", mac="52:54:00:00:00:01"),),
)


def at_once(happened: Callable[[], bool]) -> bool:
    return happened()


def fake_case(fake: FakeHypervisor) -> Case:
    return Case(
        hypervisor=fake,
        guest=GUEST,
        sign=SIGN,
        answer=lambda: fake.answer(GUEST.name),
        crash=lambda: fake.crash(GUEST.name),
        exists=lambda path: path in fake.files,
        stranger="dom-of-somebody",
        until=at_once,
    )


@pytest.fixture(params=["fake", "fake that cannot save", "fake that is simulated", "libvirt's test driver"])
def case(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Case]:
    """A hypervisor of each kind."""
    there = {"/srv/room.img", "/dev/vg0/lent"}
    fakes = {
        "fake": XEN,
        "fake that cannot save": replace(XEN, saves=False, crashes=False),
        "fake that is simulated": replace(XEN, hypervisor=Hypervisor.TEST, simulated=True),
    }
    if request.param in fakes:
        yield fake_case(FakeHypervisor(able=fakes[request.param], strangers={"dom-of-somebody"}, files=there))
        return
    yield from simulated_case(tmp_path)


def simulated_case(folder: Path) -> Iterator[Case]:
    libvirt = pytest.importorskip("libvirt", reason="not run: libvirt's test driver; python3-libvirt is not installed")
    guests = finding.find(Hypervisor.TEST, Place(logs=folder, runner=FakeRunner()))
    try:
        yield Case(
            hypervisor=guests,
            guest=GUEST,
            sign=SIGN,
            answer=lambda: None,
            crash=lambda: crash_simulated(libvirt, folder),
            exists=lambda path: Path(path).exists(),
            stranger="test",
            until=at_once,
        )
    finally:
        guests.close()  # with its last connection, the driver forgets everything


def crash_simulated(libvirt: object, folder: Path) -> None:
    """The test driver has a guest crash when its memory is dumped with this flag."""
    connection = libvirt.open("test:///default")  # type: ignore[attr-defined]  # not a part of the door's types
    connection.lookupByName(GUEST.name).coreDump(str(folder / "core"), libvirt.VIR_DUMP_CRASH)  # type: ignore[attr-defined]
    connection.close()


@pytest.mark.parametrize("promise", guests_contract.STILL + guests_contract.ALIVE, ids=lambda promise: promise.__name__)
def test_a_hypervisor(promise: Callable[[Case], None], case: Case) -> None:
    promise(case)


def test_simulated_guests_are_called_so_and_are_gone_with_the_process(tmp_path: Path) -> None:
    pytest.importorskip("libvirt", reason="not run: libvirt's test driver; python3-libvirt is not installed")
    guests = finding.find(Hypervisor.TEST, Place(logs=tmp_path))
    assert guests.ability().simulated
    guests.define(GUEST)
    guests.start(GUEST.name)
    facts = guests.guest(GUEST.name)
    assert facts is not None
    assert facts.simulated
    assert facts.life is Life.RUNNING
    guests.close()
    again: LibvirtGuests = finding.find(Hypervisor.TEST, Place(logs=tmp_path))
    assert again.guests() == ()
    again.close()
