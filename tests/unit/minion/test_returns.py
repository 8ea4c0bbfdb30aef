"""Starts, kills and power cuts: what a host does when it comes back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from orch.common import messages
from orch.common.document import Reconcile
from orch.common.report import Outcome, StepOutcome, Trigger
from orch.minion.failpoint import AFTER_FLOOR, AFTER_PARCEL, KillAt
from orch.minion.floor import SLOTS
from tests.fakes.bench import Bench, bench, text_file


class Killed(BaseException):
    """A kill at a failpoint, as a test can catch it."""


def die() -> None:
    raise Killed


@pytest.fixture
def host(tmp_path: Path) -> Bench:
    return bench(tmp_path)


def test_after_a_boot_without_a_line_it_becomes_again_what_it_was_told_last(host: Bench) -> None:
    host.settle()
    host.machine.files.clear()
    host.boot = bytes([8] * 16)
    host.clock.advance(600)
    host.start()
    host.work()
    assert "/etc/motd" in host.machine.files
    (report,) = host.reports()
    assert (report.trigger, report.drift) == (Trigger.BOOT, True)


def test_there_is_one_report_a_boot_even_if_nothing_is_different(host: Bench) -> None:
    host.settle()
    for _start in range(3):
        host.start()
        host.work()
    assert host.reports() == []
    host.boot = bytes([9] * 16)
    for _start in range(3):
        host.start()
        host.work()
    (report,) = host.reports()
    assert (report.trigger, report.outcome, report.steps) == (Trigger.BOOT, Outcome.APPLIED, ())


def test_a_document_may_say_that_nothing_is_looked_at_after_a_boot(host: Bench) -> None:
    host.start()
    host.connect()
    host.deliver(host.release(2, replace(host.document(), reconcile=Reconcile(at_boot=False))))
    host.work()
    looks = len(host.machine.looks)
    host.boot = bytes([9] * 16)
    host.start()
    host.work()
    assert len(host.machine.looks) == looks


@pytest.mark.parametrize("place", [AFTER_PARCEL, AFTER_FLOOR])
def test_killed_between_a_release_and_its_floor_it_ends_with_that_release(host: Bench, place: str) -> None:
    host.settle()
    made = host.release(4, host.document(packages="hello\n"))
    host.failpoints = KillAt(place, end=die)
    host.start()
    host.connect()
    with pytest.raises(Killed):
        host.deliver(made)
    host.failpoints = KillAt("", end=die)
    host.start()
    host.work()
    assert ("hello" in host.machine.packages) is (place == AFTER_FLOOR)
    host.connect()
    host.deliver(made)
    host.work()
    assert host.machine.packages == {"dpkg", "hello"}
    assert [item.number for item in host.reports() if item.outcome is Outcome.APPLIED] == [4]


def test_killed_in_a_step_it_goes_on_and_tells_what_was_done_before(host: Bench) -> None:
    host.start()
    host.connect()

    def kill(step: object) -> None:
        if host.machine.applied:
            raise Killed

    host.machine.during = kill
    host.deliver(host.release(2, host.document(packages="nano\n", files=[text_file("/etc/motd", "hi")])))
    with pytest.raises(Killed):
        host.work()
    host.machine.during = lambda step: None
    host.start()
    host.work()
    (report,) = host.reports()
    assert (report.trigger, report.outcome) == (Trigger.RETURN, Outcome.APPLIED)
    assert [(step.resource, step.outcome) for step in report.steps] == [
        ("packages", StepOutcome.DONE),
        ("file /etc/motd", StepOutcome.SKIPPED),
        ("file /etc/motd", StepOutcome.DONE),
    ]
    host.start()
    host.work()
    assert len(host.reports()) == 1


def test_killed_in_a_run_that_a_newer_release_overtakes_it_reports_both(host: Bench) -> None:
    host.start()
    host.connect()

    def kill(step: object) -> None:
        raise Killed

    host.machine.during = kill
    host.deliver(host.release(2, host.document(packages="nano\n")))
    with pytest.raises(Killed):
        host.work()
    host.machine.during = lambda step: None
    host.failpoints = KillAt(AFTER_FLOOR, end=die)
    made = host.release(4, host.document(packages="hello\n"))
    host.start()
    host.connect()
    with pytest.raises(Killed):
        host.deliver(made)
    host.start()
    host.work()
    assert [(item.number, item.outcome) for item in host.reports()] == [
        (2, Outcome.SUPERSEDED),
        (4, Outcome.APPLIED),
    ]


def test_a_lost_floor_refuses_releases_and_goes_on_healing(host: Bench) -> None:
    host.settle()
    for slot in SLOTS:
        (host.layout.state / slot).write_bytes(b"junk")
    host.machine.files.clear()
    host.start()
    host.work()
    assert "/etc/motd" in host.machine.files
    host.connect_again()
    host.deliver(host.release(4, host.document(packages="hello\n")))
    host.work()
    assert "hello" not in host.machine.packages
    assert host.reports()[-1].outcome is Outcome.REFUSED
    reason = host.reports()[-1].reason
    assert reason is not None
    assert reason.code == "floor-lost"
    assert any("lost" in line for line in host.core.answers.explanation().because)


def test_one_bad_slot_of_the_floor_costs_nothing(host: Bench) -> None:
    host.settle()
    (host.layout.state / SLOTS[0]).write_bytes(b"junk")
    host.start()
    host.connect()
    host.deliver(host.release(4, host.document(packages="hello\n")))
    host.work()
    assert host.machine.packages == {"dpkg", "hello"}


def test_a_release_that_the_disk_has_spoiled_is_taken_again_from_the_centre(host: Bench) -> None:
    host.settle()
    made = host.release(4, host.document(packages="hello\n"))
    host.deliver(made)
    host.work()
    (host.layout.state / "current").write_bytes(b"junk")
    host.start()
    host.up()
    (hello,) = host.said(messages.Hello)
    assert isinstance(hello, messages.Hello)
    assert (hello.number, hello.release) == (0, b"")
    host.fresh()
    host.deliver(made)
    host.work()
    assert host.core.inbox.in_force is not None
    assert host.core.inbox.in_force.release.number == 4
