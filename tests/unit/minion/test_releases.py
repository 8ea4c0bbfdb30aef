"""Releases as they come to a host, good ones and bad ones."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from orch.common import messages
from orch.common.release import Parcel
from orch.common.report import Outcome, Trigger
from tests.fakes import signed_estate as estate
from tests.fakes.bench import Bench, bench, text_file

DAY = 86_400


@pytest.fixture
def host(tmp_path: Path) -> Bench:
    return bench(tmp_path)


def test_becomes_what_its_document_says_and_reports_it(host: Bench) -> None:
    host.start()
    host.connect()
    host.deliver(host.release(2, host.document(packages="nano\n", files=[text_file("/etc/motd", "hi")])))
    host.work()
    assert host.machine.packages == {"dpkg", "nano"}
    (report,) = host.reports()
    assert (report.sequence, report.outcome, report.trigger) == (1, Outcome.APPLIED, Trigger.RELEASE)
    assert [step.resource for step in report.steps] == ["packages", "file /etc/motd"]
    assert len(host.said(messages.Reported)) == 1
    assert [item.text for item in host.said(messages.Progress) if isinstance(item, messages.Progress)] == [
        "packages",
        "file /etc/motd",
    ]


def test_a_release_that_changes_nothing_is_reported_with_no_steps(host: Bench) -> None:
    host.settle()
    before = list(host.machine.applied)
    document = host.document(packages="nano\n", files=[text_file("/etc/motd", "hi")])
    host.deliver(host.release(4, replace(document, commit="another")))
    host.work()
    assert host.machine.applied == before
    assert len(host.fetch.asked) == 1
    (report,) = host.reports()
    assert (report.number, report.outcome, report.steps) == (4, Outcome.APPLIED, ())


def test_the_same_release_again_is_no_news(host: Bench) -> None:
    host.settle()
    host.deliver(host.release(2, host.document(packages="nano\n", files=[text_file("/etc/motd", "hi")])))
    host.work()
    assert host.reports() == []


@pytest.mark.parametrize(("number", "code"), [(3, "unpaired-return"), (2, "equivocation"), (0, "rolled-back")], ids=str)
def test_a_refused_release_is_reported_once_and_changes_nothing(host: Bench, number: int, code: str) -> None:
    host.settle(4 if number == 0 else 2)
    before = list(host.machine.applied)
    changes: dict[str, object] = {"returns": bytes(32)} if number == 3 else {}
    made = host.release(number or 2, host.document(commit="other"), **changes)
    for _again in range(3):
        host.deliver(made)
        host.work()
    (report,) = host.reports()
    assert report.outcome is Outcome.REFUSED
    assert report.reason is not None
    assert report.reason.code == code
    assert report.number == (number or 2)
    assert host.machine.applied == before
    host.start()
    host.connect()
    host.deliver(made)
    assert len(host.reports()) == 1


def test_bytes_that_are_no_release_are_refused_with_a_report(host: Bench) -> None:
    host.settle()
    good = host.release(4, host.document()).parcel(0)
    host.deliver(Parcel(b"junk", good.document, good.proof))
    (report,) = host.reports()
    assert (report.outcome, report.number) == (Outcome.REFUSED, 0)
    assert report.reason is not None
    assert report.reason.code == "malformed"


def test_a_flood_of_forged_releases_does_not_fill_the_outbox(host: Bench) -> None:
    host.settle()
    document = host.document()
    for number in range(4, 240, 2):
        made = estate.release(estate.draft(number), by=("stranger",), contents=estate.documents(document))
        host.deliver(made)
    assert len(host.reports()) == 64


def test_an_old_release_with_a_good_signature_is_refused_as_expired(host: Bench) -> None:
    host.start()
    host.connect()
    now = host.clock.wall()
    host.deliver(host.release(2, host.document(), created=now - 40 * DAY, expires=now - 10 * DAY))
    (report,) = host.reports()
    assert report.reason is not None
    assert report.reason.code == "expired"


@pytest.mark.parametrize("ahead", [40 * DAY, 73 * 365 * DAY])
def test_a_release_that_a_wrong_clock_refused_is_taken_with_the_next_proof_of_the_time(host: Bench, ahead: int) -> None:
    host.settle()
    host.tick(30)
    host.fresh(time=host.clock.wall() + ahead)
    host.deliver(host.release(4, host.document(packages="hello\n")))
    host.work()
    assert host.reports()[-1].reason is not None
    assert (host.reports()[-1].number, host.reports()[-1].outcome) == (4, Outcome.REFUSED)
    host.tick(30)
    host.fresh()
    host.work()
    assert (host.reports()[-1].number, host.reports()[-1].outcome) == (4, Outcome.APPLIED)
    assert host.machine.packages == {"dpkg", "hello"}


def test_a_time_that_was_put_right_is_right_in_the_next_process_too(host: Bench) -> None:
    host.settle()
    far = 73 * 365 * DAY
    host.tick(700)  # the last proof was kept long ago, so the wrong one is kept too
    host.fresh(time=host.clock.wall() + far)
    host.tick(30)
    host.fresh()
    host.clock.set_wall(host.clock.wall() + far)  # now this machine's clock agrees with the wrong proof
    true = host.clock.wall() - far
    host.start()
    host.up()
    host.fresh(time=true)
    host.deliver(host.release(4, host.document(packages="hello\n"), created=true - 60, expires=true + 30 * DAY))
    host.work()
    assert (host.reports()[-1].number, host.reports()[-1].outcome) == (4, Outcome.APPLIED)


def test_what_was_refused_for_another_reason_is_not_judged_with_each_proof(host: Bench) -> None:
    host.settle()
    made = estate.release(estate.draft(4), by=("stranger",), contents=estate.documents(host.document()))
    host.deliver(made)
    for _ in range(3):
        host.tick(30)
        host.fresh()
    assert len([line for line in host.log.lines if line.startswith("refused what=release")]) == 1


def test_a_release_that_demands_a_go_waits_for_it(host: Bench) -> None:
    host.settle()
    host.deliver(host.release(4, host.document(packages="hello\n"), needs_go=True))
    host.work()
    assert "hello" not in host.machine.packages
    (report,) = host.reports()
    assert (report.number, report.outcome) == (4, Outcome.WAITING)
    host.start()
    host.work()
    assert "hello" not in host.machine.packages
    assert host.core.answers.status().waiting == 4


def test_a_newer_release_ends_a_turn_after_the_step_in_hand(host: Bench) -> None:
    host.start()
    host.connect()
    first = host.release(2, host.document(packages="nano\n", files=[text_file("/etc/motd", "hi")]))

    def meanwhile(_step: object) -> None:
        host.machine.during = lambda step: None
        host.deliver(host.release(4, host.document(packages="hello\n")))

    host.machine.during = meanwhile
    host.deliver(first)
    host.work()
    old, new = host.reports()
    assert (old.number, old.outcome) == (2, Outcome.SUPERSEDED)
    assert [step.resource for step in old.steps] == ["packages"]
    assert (new.number, new.outcome) == (4, Outcome.APPLIED)
    assert host.machine.packages == {"dpkg", "hello"}
    assert host.machine.files == {}
