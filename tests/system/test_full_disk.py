"""A host whose disk is full: a real, small file system under everything that it keeps."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from orch.common import messages
from orch.common.errors import StoreError
from orch.common.report import Outcome
from tests.fakes import signed_estate as estate
from tests.fakes.bench import Bench, bench, text_file
from tests.lab import command

pytestmark = pytest.mark.system


class Small:
    """A file system of two megabytes that can be filled to the last byte."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fill(self) -> None:
        with suppress(OSError), (self.folder / "ballast").open("ab", buffering=0) as file:
            while file.write(bytes(4096)):
                pass

    def free(self) -> None:
        (self.folder / "ballast").unlink()


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Small]:
    folder = tmp_path / "small"
    folder.mkdir()
    command.run(["mount", "-t", "tmpfs", "-o", "size=2m", "none", str(folder)])
    try:
        yield Small(folder)
    finally:
        command.run(["umount", str(folder)])


@pytest.fixture
def host(small: Small) -> Iterator[Bench]:
    made = bench(small.folder)
    made.settle()
    yield made
    made.core.database.close()


def test_a_turn_is_tried_again_ever_more_seldom_and_goes_on_when_there_is_room(host: Bench, small: Small) -> None:
    small.fill()
    host.machine.packages.add("telnet")
    host.tick(1200)
    pauses = []
    for _ in range(8):
        host.work()
        assert "telnet" in host.machine.packages
        pauses.append(host.core.desk.view.next - host.clock.wall())
        host.tick(pauses[-1] + 1)
    assert min(pauses) >= 1
    assert pauses[-1] > 2 * pauses[0]
    assert any("own disk stands in the way" in line for line in host.core.answers.explanation().because)
    assert host.reports() == []
    small.free()
    host.tick(400)
    host.work()
    assert host.machine.packages == {"dpkg", "nano"}
    assert host.reports()[-1].outcome is Outcome.APPLIED
    assert not any("own disk" in line for line in host.core.answers.explanation().because)


def test_the_disk_that_fills_in_the_middle_of_a_turn_loses_no_step(host: Bench, small: Small) -> None:
    host.machine.during = lambda step: small.fill()
    host.deliver(host.release(4, host.document(packages="hello\n", files=[text_file("/etc/issue", "x")])))
    host.work()
    host.machine.during = lambda step: None
    small.free()
    host.tick(400)
    host.work()
    report = host.reports()[-1]
    assert report.outcome is Outcome.APPLIED
    assert {change.name for step in report.steps for change in step.changes} >= {"/etc/issue"}
    assert report.steps[0].resource == "packages"


def test_what_cannot_be_kept_is_not_accepted_and_counts_when_it_comes_again(host: Bench, small: Small) -> None:
    made = host.release(4, host.document(packages="hello\n"))
    policy = replace(estate.POLICY, version=2, issued=host.clock.wall())
    sent = messages.PolicySent(version=2, envelope=estate.policy_bytes(policy))
    small.fill()
    with pytest.raises(StoreError):
        host.deliver(made)
    with pytest.raises(StoreError):
        host.say(sent)
    inbox = host.core.inbox
    assert inbox.in_force is not None
    assert (inbox.in_force.release.number, inbox.standing().floor.number, inbox.policy.version) == (2, 2, 1)
    assert host.core.outbox.unsent == ()
    small.free()
    host.deliver(made)
    host.say(sent)
    host.work()
    assert host.reports()[-1].number == 4
    assert host.machine.packages == {"dpkg", "hello"}
    host.start()
    assert host.core.inbox.policy.version == 2


def test_a_report_stays_until_its_acknowledgement_can_be_written(host: Bench, small: Small) -> None:
    host.machine.packages.add("telnet")
    host.tick(1200)
    host.work()
    (before,) = host.reports()
    small.fill()
    with suppress(StoreError):
        host.ack(before.sequence)
    small.free()
    host.ack(before.sequence)
    assert host.core.outbox.unsent == ()


def test_a_full_disk_does_not_make_a_host_stale(host: Bench, small: Small) -> None:
    small.fill()
    for _ in range(30):
        host.clock.advance(3600)
        host.tick()
        host.fresh()
    assert host.core.inbox.permission()[1] is None


def test_a_new_process_on_a_full_disk_goes_on_from_what_there_is(host: Bench, small: Small) -> None:
    host.core.database.close()
    small.fill()
    with suppress(StoreError):
        host.start()
    small.free()
    host.start()
    host.work()
    assert host.core.inbox.standing().floor.number == 2
    assert not [path for path in host.layout.state.iterdir() if "damaged" in path.name]
