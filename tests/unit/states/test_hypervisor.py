"""What differs between two guests, in words."""

from __future__ import annotations

from dataclasses import replace

from orch.common.guest import Disk, DiskKind, Guest, Kernel, Kind
from orch.states.hypervisor import Difference, differences

GUEST = Guest(name="ltsp", kind=Kind.PV, memory=768, kernel=Kernel(path="/boot/vmlinuz", arguments="quiet"))


def test_nothing_differs_from_itself() -> None:
    assert differences(GUEST, GUEST) == ()


def test_of_a_new_guest_all_is_named_that_is_not_usual() -> None:
    assert differences(None, GUEST) == (
        Difference("name", "", "ltsp"),
        Difference("kind", "", "pv"),
        Difference("memory", "", "768"),
        Difference("kernel", "", "/boot/vmlinuz quiet"),
    )


def test_what_came_and_what_went_is_named() -> None:
    disk = Disk(kind=DiskKind.FILE, path="/srv/data.img", size=4096)
    other = replace(GUEST, kernel=None, disks=(disk,), emulated=True)
    assert differences(GUEST, other) == (
        Difference("kernel", "/boot/vmlinuz quiet", "none"),
        Difference("disks", "none", "file /srv/data.img 4096"),
        Difference("emulated", "false", "true"),
    )
