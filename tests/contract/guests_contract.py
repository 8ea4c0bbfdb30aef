"""What every `Hypervisor` promises (minion/hypervisor.py), asked of the fake, of libvirt's own test driver, of real
machines in emulation and of real containers in the same words.

Whoever brings a hypervisor brings a `Case`: a small guest, and a way to ask it something from outside that only a living
guest can answer. A hypervisor's own word "running" is never enough: a kernel that never booted "runs" too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from orch.common.errors import Impossible, StepFailed
from orch.common.guest import DiskKind, Guest, Kind, Net
from orch.minion.hypervisor import Answer, Hypervisor
from orch.states.hypervisor import Difference, Ending, Life

PATIENCE = 180.0
"""Seconds; never reached where all is well, on however busy a machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A hypervisor, and a guest for it."""

    hypervisor: Hypervisor
    guest: Guest  # defined by nobody yet
    sign: str  # what it says on its console when it is up
    answer: Callable[[], str | None]  # from inside: the number of its life; None: nobody answers now
    crash: Callable[[], None]  # have it crash
    exists: Callable[[str], bool]  # whether there is a disk of this path
    said: tuple[str, ...] = ()  # what else it says when its disks hold what they should
    stranger: str  # a guest that somebody else defined
    bridge: str = "guests0"
    until: Callable[[Callable[[], bool]], bool]  # wait for something, at most PATIENCE

    @property
    def name(self) -> str:
        return self.guest.name

    def life(self) -> Life:
        facts = self.hypervisor.guest(self.name)
        assert facts is not None
        return facts.life

    def ending(self) -> Ending:
        facts = self.hypervisor.guest(self.name)
        assert facts is not None
        return facts.ending

    def started(self) -> str:
        """Start it, have life confirmed from inside, and return the number of that life."""
        assert self.hypervisor.start(self.name)
        answer = self.hypervisor.wait_for_life(self.name, self.sign, within=PATIENCE)
        if self.hypervisor.ability().simulated:
            assert answer is Answer.SIMULATED
            return ""
        assert answer is Answer.ALIVE, self.hypervisor.console(self.name)
        return self.answered()

    def answered(self) -> str:
        """The number of its life, as it says itself; nothing where nobody lives anyway."""
        if self.hypervisor.ability().simulated:
            assert self.answer() is None
            return ""
        assert self.until(lambda: self.answer() is not None), self.hypervisor.console(self.name)
        return self.answer() or ""


def defining_twice_changes_nothing(case: Case) -> None:
    members = {item.member for item in case.hypervisor.define(case.guest)}
    assert {"name", "kind", "memory"} <= members
    assert case.hypervisor.define(case.guest) == ()
    facts = case.hypervisor.guest(case.name)
    assert facts is not None
    assert facts.defined == case.guest
    assert facts.life is Life.OFF
    assert case.hypervisor.guests() == (facts,)


def a_change_is_named_member_by_member(case: Case) -> None:
    case.hypervisor.define(case.guest)
    net = Net(bridge=case.bridge, mac="52:54:00:0a:0b:0c")
    other = replace(case.guest, memory=case.guest.memory + 8, autostart=True, nets=(net,))
    before = "; ".join(f"{one.bridge} {one.mac}" for one in case.guest.nets) or "none"
    assert case.hypervisor.define(other) == (
        Difference("memory", str(case.guest.memory), str(case.guest.memory + 8)),
        Difference("nets", before, f"{case.bridge} 52:54:00:0a:0b:0c"),
        Difference("autostart", "false", "true"),
    )
    assert case.hypervisor.define(other) == ()
    assert case.hypervisor.define(replace(other, autostart=False)) == (Difference("autostart", "true", "false"),)


def refuses_what_the_machine_cannot_and_changes_nothing(case: Case) -> None:
    able = case.hypervisor.ability()
    never = next(kind for kind in Kind if kind not in able.kinds + able.emulates)
    for guest in (
        replace(case.guest, kind=never, emulated=False),
        replace(case.guest, memory=able.memory + 1),
        replace(case.guest, vcpus=able.cpus + 1),
    ):
        with pytest.raises(Impossible):
            case.hypervisor.define(guest)
    assert case.hypervisor.guests() == ()


def leaves_alone_what_it_did_not_define(case: Case) -> None:
    hypervisor, name = case.hypervisor, case.stranger
    assert hypervisor.guest(name) is None
    for deed in (hypervisor.start, hypervisor.destroy, hypervisor.undefine, hypervisor.suspend, hypervisor.console):
        with pytest.raises(StepFailed, match="not defined by orch"):
            deed(name)
    with pytest.raises(StepFailed, match="not defined by orch"):
        hypervisor.define(replace(case.guest, name=name))


def knows_no_guest_that_is_not_there(case: Case) -> None:
    assert case.hypervisor.guest("nobody") is None
    assert case.hypervisor.undefine("nobody") == ()
    with pytest.raises(StepFailed, match="there is no guest nobody"):
        case.hypervisor.start("nobody")


def what_does_not_run_can_be_neither_held_nor_saved(case: Case) -> None:
    case.hypervisor.define(case.guest)
    for deed in (case.hypervisor.suspend, case.hypervisor.resume, case.hypervisor.restore):
        with pytest.raises(StepFailed):
            deed(case.name)
    assert not case.hypervisor.destroy(case.name)
    assert not case.hypervisor.shut_down(case.name, within=PATIENCE)
    assert case.hypervisor.wait_for_life(case.name, case.sign, within=PATIENCE) in {Answer.ENDED, Answer.SIMULATED}


def lives_is_held_goes_on_and_ends(case: Case) -> None:
    hypervisor = case.hypervisor
    hypervisor.define(case.guest)
    number = case.started()
    assert not hypervisor.start(case.name)
    assert hypervisor.suspend(case.name)
    assert not hypervisor.suspend(case.name)
    assert case.life() is Life.PAUSED
    assert case.answer() is None
    assert hypervisor.resume(case.name)
    assert not hypervisor.resume(case.name)
    assert case.life() is Life.RUNNING
    assert case.answered() == number
    _saved_and_restored(case, number)
    assert hypervisor.shut_down(case.name, within=PATIENCE)
    assert not hypervisor.shut_down(case.name, within=PATIENCE)
    assert (case.life(), case.ending()) == (Life.OFF, Ending.SHUT_DOWN)
    assert case.answer() is None


def _saved_and_restored(case: Case, number: str) -> None:
    hypervisor = case.hypervisor
    if not hypervisor.ability().saves:
        with pytest.raises(Impossible):
            hypervisor.save(case.name)
        return
    assert hypervisor.save(case.name)
    assert not hypervisor.save(case.name)
    assert case.life() is Life.SAVED
    assert case.answer() is None
    assert hypervisor.restore(case.name)
    assert case.answered() == number  # the same life, not a new one


def has_its_disks_and_loses_its_power(case: Case) -> None:
    hypervisor = case.hypervisor
    hypervisor.define(case.guest)
    case.started()
    for words in case.said:
        assert words in hypervisor.console(case.name)
    hypervisor.define(replace(case.guest, memory=case.guest.memory + 8))
    facts = hypervisor.guest(case.name)
    assert facts is not None
    assert facts.outdated  # it runs on as it was
    assert hypervisor.destroy(case.name)
    assert not hypervisor.destroy(case.name)
    assert (case.life(), case.ending()) == (Life.OFF, Ending.DESTROYED)


def a_crash_is_noticed_with_its_reason(case: Case) -> None:
    able = case.hypervisor.ability()
    case.hypervisor.define(case.guest)
    case.started()
    case.crash()
    assert case.until(lambda: case.life() is Life.OFF)
    assert case.ending() is (Ending.CRASHED if able.crashes else Ending.SHUT_DOWN)
    expected = Answer.SIMULATED if able.simulated else Answer.ENDED
    assert case.hypervisor.wait_for_life(case.name, case.sign, within=PATIENCE) is expected


def undefining_takes_everything_but_what_is_to_be_kept(case: Case) -> None:
    hypervisor = case.hypervisor
    hypervisor.define(case.guest)
    hypervisor.start(case.name)
    gone = hypervisor.undefine(case.name)
    assert case.name in gone
    assert hypervisor.guest(case.name) is None
    assert hypervisor.guests() == ()
    if hypervisor.ability().simulated:
        return
    for disk in case.guest.disks:
        made = disk.kind is DiskKind.OVERLAY or disk.size > 0
        assert case.exists(disk.path) is (disk.keep or not made)
        assert (disk.path in gone) is (made and not disk.keep)


STILL = (
    defining_twice_changes_nothing,
    a_change_is_named_member_by_member,
    refuses_what_the_machine_cannot_and_changes_nothing,
    leaves_alone_what_it_did_not_define,
    knows_no_guest_that_is_not_there,
    what_does_not_run_can_be_neither_held_nor_saved,
    undefining_takes_everything_but_what_is_to_be_kept,
)
"""Nobody needs to be alive for these."""

ALIVE = (
    lives_is_held_goes_on_and_ends,
    has_its_disks_and_loses_its_power,
    a_crash_is_noticed_with_its_reason,
)
