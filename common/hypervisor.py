"""What a hypervisor can, as a host says it, and what a guest asks of it in vain.

`objections` is asked at the operator's desk, with what the host reported, before anything is sent, and by the host
itself before it defines anything: the same words in both places.

Refuses to do: look at a machine. Whoever opens the hypervisor fills in an `Ability` (minion/adapters/guests).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Final

from orch.common.codec import Length, Line
from orch.common.guest import Disk, DiskKind, Guest, Kind


class Hypervisor(Enum):
    """What runs the guests, as the estate's `hypervisor:` has it."""

    XEN = "xen"
    KVM = "kvm"
    LXC = "lxc"
    TEST = "test"  # nothing runs: for trying out
    ESX = "esx"
    VMWARE_PLAYER = "vmwareplayer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ability:
    """What one hypervisor can on one machine."""

    hypervisor: Hypervisor
    version: Line
    kinds: Annotated[tuple[Kind, ...], Length(0, 8)]  # with whatever help they need from the processor
    emulates: Annotated[tuple[Kind, ...], Length(0, 8)] = ()  # also, and slowly, without that help
    disks: Annotated[tuple[DiskKind, ...], Length(0, 8)] = ()
    saves: bool = False  # a running guest can be written to disk and go on later
    crashes: bool = False  # it can tell a guest that crashed from one that ended
    memory: int  # MiB of the machine
    cpus: int
    simulated: bool = False  # its guests are words only: they never run and never are healthy
    untested: bool = False  # the tests of this version of orch never met it


def objections(guest: Guest, ability: Ability) -> tuple[str, ...]:
    """Why this guest cannot be had there: sentences for people, all of them. Empty: nothing is known against it."""
    return tuple(text for look in _LOOKS for text in look(guest, ability))


def _kinds(guest: Guest, able: Ability) -> Iterator[str]:
    kind = guest.kind
    here = f"{able.hypervisor.value} on this machine"
    if guest.emulated and kind not in able.emulates:
        yield f"{here} emulates no {kind.value} guests"
    if guest.emulated or kind in able.kinds:
        return
    if kind in able.emulates:
        yield f"{here} has no hardware virtualization for {kind.value} guests: only with emulated: true, and slow"
    else:
        runs = ", ".join(one.value for one in able.kinds) or "none"
        yield f"{here} runs no {kind.value} guests; it runs: {runs}"


def _sizes(guest: Guest, able: Ability) -> Iterator[str]:
    if not guest.memory:
        yield "a guest needs memory"
    if not guest.vcpus:
        yield "a guest needs a processor"
    if guest.memory > able.memory:
        yield f"{guest.memory} MiB are more memory than the machine has ({able.memory} MiB)"
    if guest.vcpus > able.cpus:
        yield f"{guest.vcpus} processors are more than the machine has ({able.cpus})"


def _start(guest: Guest, able: Ability) -> Iterator[str]:
    del able  # this is about the guest alone
    if guest.kind is Kind.CONTAINER:
        if guest.kernel is not None:
            yield "a container has the host's kernel and takes none of its own"
        if guest.init is None or not guest.disks or guest.disks[0].kind is not DiskKind.FOLDER:
            yield "a container needs init: and a folder as its first disk"
        return
    if guest.init is not None:
        yield f"init: is for containers; a {guest.kind.value} guest has its own"
    if guest.kernel is None and guest.kind is not Kind.HVM:
        yield f"a {guest.kind.value} guest needs a kernel from the host"
    if guest.kernel is None and not guest.disks:
        yield "a guest needs a kernel from the host, or a disk to start from"


def _disks(guest: Guest, able: Ability) -> Iterator[str]:
    paths = [disk.path for disk in guest.disks]
    for path in sorted({path for path in paths if paths.count(path) > 1}):
        yield f"{path} is there twice"
    for disk in guest.disks:
        yield from _disk(disk, guest, able)


def _disk(disk: Disk, guest: Guest, able: Ability) -> Iterator[str]:
    if disk.kind not in able.disks:
        yield f"{able.hypervisor.value} has no disks of the kind {disk.kind.value} ({disk.path})"
    if (disk.base is not None) != (disk.kind is DiskKind.OVERLAY):
        yield f"{disk.path}: an overlay needs a base, and nothing else has one"
    if disk.size and disk.kind is not DiskKind.FILE:
        yield f"{disk.path}: only a file can be made with a size"
    if disk.kind is DiskKind.FOLDER and (guest.kind is not Kind.CONTAINER or disk is not guest.disks[0]):
        yield f"{disk.path}: a folder can only be a container's root"


_LOOKS: Final[tuple[Callable[[Guest, Ability], Iterator[str]], ...]] = (_kinds, _sizes, _start, _disks)
