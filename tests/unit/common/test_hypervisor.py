"""What is said against a guest before anything is sent."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orch.common import codec
from orch.common.errors import Malformed
from orch.common.guest import Disk, DiskKind, Guest, Kernel, Kind, Net
from orch.common.hypervisor import Ability, Hypervisor, objections

OLD_PC = Ability(
    hypervisor=Hypervisor.XEN,
    version="4.17.7",
    kinds=(Kind.PV,),
    disks=(DiskKind.FILE, DiskKind.BLOCK, DiskKind.OVERLAY),
    memory=2048,
    cpus=2,
)
SLOW = replace(OLD_PC, hypervisor=Hypervisor.KVM, kinds=(), emulates=(Kind.HVM,))
BOXES = replace(OLD_PC, hypervisor=Hypervisor.LXC, kinds=(Kind.CONTAINER,), disks=(DiskKind.FOLDER,))
ROOT = Disk(kind=DiskKind.FILE, path="/srv/root.img")
FOLDER = Disk(kind=DiskKind.FOLDER, path="/srv/root")
PLAIN = Guest(name="ltsp", kind=Kind.PV, memory=768, kernel=Kernel(path="/boot/vmlinuz"), disks=(ROOT,))
HVM = replace(PLAIN, kind=Kind.HVM)
BOX = Guest(name="box", kind=Kind.CONTAINER, memory=64, init="/sbin/init", disks=(FOLDER,))


@pytest.mark.parametrize(
    ("guest", "able"),
    [
        (PLAIN, OLD_PC),
        (replace(HVM, emulated=True), SLOW),
        (replace(HVM, kernel=None, emulated=True), SLOW),
        (BOX, BOXES),
        (replace(PLAIN, disks=(replace(ROOT, kind=DiskKind.OVERLAY, base="/srv/base.img"),)), OLD_PC),
    ],
)
def test_nothing_is_said_against_what_can_be_had(guest: Guest, able: Ability) -> None:
    assert objections(guest, able) == ()


@pytest.mark.parametrize(
    ("guest", "able", "words"),
    [
        (HVM, OLD_PC, "xen on this machine runs no hvm guests; it runs: pv"),
        (replace(PLAIN, kind=Kind.PVH), OLD_PC, "runs no pvh guests"),
        (HVM, SLOW, "no hardware virtualization for hvm guests: only with emulated: true, and slow"),
        (replace(PLAIN, emulated=True), OLD_PC, "emulates no pv guests"),
        (replace(PLAIN, memory=2049), OLD_PC, "2049 MiB are more memory than the machine has (2048 MiB)"),
        (replace(PLAIN, memory=0), OLD_PC, "a guest needs memory"),
        (replace(PLAIN, vcpus=3), OLD_PC, "3 processors are more than the machine has (2)"),
        (replace(PLAIN, vcpus=0), OLD_PC, "a guest needs a processor"),
        (replace(PLAIN, kernel=None), OLD_PC, "a pv guest needs a kernel from the host"),
        (replace(HVM, emulated=True, kernel=None, disks=()), SLOW, "or a disk to start from"),
        (replace(PLAIN, init="/sbin/init"), OLD_PC, "init: is for containers"),
        (replace(PLAIN, disks=(ROOT, ROOT)), OLD_PC, "/srv/root.img is there twice"),
        (replace(PLAIN, disks=(replace(ROOT, kind=DiskKind.OVERLAY),)), OLD_PC, "an overlay needs a base"),
        (replace(PLAIN, disks=(replace(ROOT, base="/srv/b.img"),)), OLD_PC, "nothing else has one"),
        (replace(PLAIN, disks=(replace(ROOT, kind=DiskKind.BLOCK, size=1),)), OLD_PC, "only a file can be made"),
        (replace(PLAIN, disks=(FOLDER,)), OLD_PC, "xen has no disks of the kind folder"),
        (replace(PLAIN, disks=(FOLDER,)), OLD_PC, "a folder can only be a container's root"),
        (replace(BOX, init=None), BOXES, "a container needs init:"),
        (replace(BOX, disks=()), BOXES, "a folder as its first disk"),
        (replace(BOX, kernel=Kernel(path="/boot/vmlinuz")), BOXES, "takes none of its own"),
        (replace(BOX, disks=(FOLDER, replace(FOLDER, path="/srv/more"))), BOXES, "/srv/more: a folder can only be"),
        (BOX, replace(BOXES, kinds=()), "runs no container guests; it runs: none"),
    ],
)
def test_the_impossible_is_named(guest: Guest, able: Ability, words: str) -> None:
    assert any(words in text for text in objections(guest, able)), objections(guest, able)


def test_everything_is_said_at_once() -> None:
    assert len(objections(replace(HVM, memory=9999, vcpus=9, kernel=None, disks=()), OLD_PC)) == 4


def test_a_guest_travels() -> None:
    guest = replace(PLAIN, nets=(Net(bridge="br-lan", mac="52:54:00:0a:0b:0c"),), autostart=True)
    assert codec.decode(Guest, codec.encode(guest), limit=4096) == guest


@pytest.mark.parametrize(
    "guest",
    [
        replace(PLAIN, name="../passwd"),
        replace(PLAIN, kernel=Kernel(path="/boot/../etc/shadow")),
        replace(PLAIN, disks=(replace(ROOT, path="relative.img"),)),
        replace(PLAIN, nets=(Net(bridge="br-lan", mac="53:54:00:0a:0b:0c"),)),  # nobody's: a group's address
        replace(PLAIN, nets=(Net(bridge="br/lan", mac="52:54:00:0a:0b:0c"),)),
    ],
)
def test_a_guest_of_wrong_words_does_not_arrive(guest: Guest) -> None:
    with pytest.raises(Malformed):
        codec.decode(Guest, codec.encode(guest), limit=4096)
