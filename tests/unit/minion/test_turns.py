"""Turns: what stands in the way, and what time does."""

from __future__ import annotations

from pathlib import Path

import pytest

from orch.common.errors import Blocked, StepFailed
from orch.common.report import Change, Outcome, Report, Sign, StepOutcome, Trigger
from orch.minion.actions import Halfway
from orch.minion.planner import Problem
from tests.fakes.bench import Bench, bench, text_file

DAY = 86_400


@pytest.fixture
def host(tmp_path: Path) -> Bench:
    return bench(tmp_path)


def test_what_is_in_the_way_is_waited_for_and_tried_again_soon(host: Bench) -> None:
    host.start()
    host.connect()
    host.machine.fail["packages"] = Blocked("dpkg's lock is held")
    host.deliver(host.release(2, host.document(packages="nano\n")))
    host.work()
    (report,) = host.reports()
    assert (report.outcome, report.steps[0].outcome) == (Outcome.WAITING, StepOutcome.FAILED)
    for _try in range(3):
        host.tick(300)
        host.work()
    assert len(host.reports()) == 1
    del host.machine.fail["packages"]
    host.tick(300)
    host.work()
    assert host.reports()[-1].outcome is Outcome.APPLIED
    assert host.machine.packages == {"dpkg", "nano"}


def test_a_line_that_is_down_while_lists_are_lacking_is_waited_for(host: Bench) -> None:
    host.start()
    host.connect()
    host.fetch.error = Blocked("the centre is not reached")
    host.deliver(host.release(2, host.document(packages="nano\n")))
    host.work()
    assert host.reports()[0].outcome is Outcome.WAITING
    host.fetch.error = None
    host.tick(10)
    host.work()
    assert host.reports()[-1].outcome is Outcome.APPLIED


def test_a_list_that_came_altered_is_not_used(host: Bench) -> None:
    host.start()
    host.connect()
    made = host.release(2, host.document(packages="nano\n"))
    host.fetch.contents["lists/base.list"] = b"evil\n"
    host.deliver(made)
    host.work()
    assert host.machine.packages == {"dpkg"}
    (report,) = host.reports()
    assert report.outcome is Outcome.WAITING
    assert report.reason is not None
    assert "hash differs" in report.reason.text


def test_a_mirror_that_is_away_does_not_keep_files_from_their_place(host: Bench) -> None:
    host.start()
    host.connect()
    host.machine.trouble = (Problem("packages", Blocked("the mirror is away")),)
    host.deliver(host.release(2, host.document(files=[text_file("/etc/motd", "hi")])))
    host.work()
    assert "/etc/motd" in host.machine.files
    (report,) = host.reports()
    assert (report.outcome, len(report.steps)) == (Outcome.WAITING, 1)


def test_indexes_that_could_not_be_fetched_are_asked_for_again_in_the_next_round(host: Bench) -> None:
    host.start()
    host.connect()
    host.machine.trouble = (Problem("packages", Blocked("the mirror is away")),)
    host.deliver(host.release(2, host.document(files=[text_file("/etc/motd", "hi")])))
    host.work()
    assert [look.refresh for look in host.machine.looks] == [True, True]


def test_a_release_that_leaves_packages_as_they_are_does_not_look_at_them(host: Bench) -> None:
    host.settle()
    host.deliver(host.release(4, host.document(packages="nano\n", files=[text_file("/etc/motd", "another")])))
    host.work()
    assert all(look.settled is not None for look in host.machine.looks[-2:])
    assert host.reports()[-1].outcome is Outcome.APPLIED


def test_a_quiet_timer_starts_nothing_and_says_nothing(host: Bench) -> None:
    host.settle()
    applied = list(host.machine.applied)
    host.tick(1200)
    host.work()
    assert host.machine.applied == applied
    assert host.machine.looks[-1].settled is not None
    assert host.reports() == []
    assert "turn-unchanged" in host.log.names()


def test_a_new_tcp_listener_is_news_and_a_clients_udp_socket_is_not(host: Bench) -> None:
    host.settle()
    host.machine.open_ports = ("udp 0.0.0.0:40123",)
    host.tick(1200)
    host.work()
    assert host.reports() == []
    host.machine.open_ports = ("tcp 0.0.0.0:22", "udp 0.0.0.0:40124")
    host.tick(1200)
    host.work()
    assert [item.listeners for item in host.reports()] == [host.machine.open_ports]


def test_packages_are_looked_at_in_full_once_a_day(host: Bench) -> None:
    host.settle()
    host.tick(DAY + 60)
    host.fresh()
    host.work()
    assert host.machine.looks[-1].settled is None


def test_drift_is_mended_and_reported_as_drift(host: Bench) -> None:
    host.settle()
    host.machine.packages.add("telnet")
    host.tick(1200)
    host.work()
    assert host.machine.packages == {"dpkg", "nano"}
    (report,) = host.reports()
    assert (report.drift, report.trigger, report.outcome) == (True, Trigger.TIMER, Outcome.APPLIED)


def test_without_proof_of_freshness_for_a_day_it_heals_and_removes_nothing(host: Bench) -> None:
    host.settle()
    host.down()
    host.machine.packages.add("telnet")
    host.machine.files.clear()
    host.tick(DAY + 60)
    host.work()
    assert "telnet" in host.machine.packages
    assert "/etc/motd" in host.machine.files
    report = host.reports()[-1]
    assert report.outcome is Outcome.WAITING
    assert report.reason is not None
    assert report.reason.code == "not-fresh"
    host.up()
    host.fresh()
    host.work()
    assert "telnet" not in host.machine.packages
    assert host.reports()[-1].outcome is Outcome.APPLIED


def test_an_expired_release_in_force_heals_and_removes_nothing(host: Bench) -> None:
    host.settle()
    host.clock.advance(31 * DAY)
    host.tick()
    host.fresh()
    host.machine.packages = {"dpkg", "telnet"}
    host.tick(1200)
    host.work()
    assert host.machine.packages == {"dpkg", "nano", "telnet"}
    report = host.reports()[-1]
    assert report.reason is not None
    assert report.reason.code == "expired"


@pytest.mark.parametrize("late", [2 * DAY, 31 * DAY], ids=["no proof", "expired"])
def test_what_waits_because_of_its_age_is_told_once_and_not_with_each_look(host: Bench, late: int) -> None:
    host.settle()
    host.down()
    host.clock.advance(late)
    host.machine.packages.add("telnet")
    for _look in range(5):
        host.tick(1200)
        host.work()
    assert [report.outcome for report in host.reports()] == [Outcome.WAITING]


def test_a_clock_that_jumps_ahead_by_years_does_not_expire_anything_that_was_proved_fresh(host: Bench) -> None:
    host.settle()
    host.clock.set_wall(host.clock.wall() + 20 * 365 * DAY)
    host.machine.packages.add("telnet")
    host.tick(1200)
    host.work()
    assert "telnet" not in host.machine.packages


# --- steps that fail --------------------------------------------------------------------------------------


def failed(host: Bench, error: Exception, *, resource: str = "packages") -> Report:
    """The report of a release with one list and one file, in which a step fails."""
    host.start()
    host.connect()
    host.machine.fail[resource] = error
    host.deliver(host.release(2, host.document(packages="nano\n", files=[text_file("/etc/motd", "hi")])))
    host.work()
    return host.reports()[-1]


def test_a_failed_step_stops_nothing_that_does_not_need_it(host: Bench) -> None:
    report = failed(host, StepFailed("dpkg: it broke", hint="look at its log"))
    assert report.outcome is Outcome.FAILED
    assert report.reason is not None
    assert (report.reason.code, report.reason.hint) == ("step-failed", "look at its log")
    assert [step.outcome for step in report.steps] == [StepOutcome.FAILED, StepOutcome.DONE]
    assert "/etc/motd" in host.machine.files


def test_what_a_step_had_changed_before_it_failed_is_told(host: Bench) -> None:
    change = Change(sign=Sign.ADD, kind="package", name="nano")
    report = failed(host, Halfway("it broke after that", changes=(change,)))
    assert report.steps[0].changes == (change,)
    assert report.steps[0].outcome is StepOutcome.FAILED


def test_a_fault_of_our_own_in_a_step_is_reported_and_the_rest_goes_on(host: Bench) -> None:
    report = failed(host, ZeroDivisionError("division by zero"))
    assert "unexpected: ZeroDivisionError" in report.steps[0].problem
    assert "/etc/motd" in host.machine.files


def test_a_failure_is_tried_again_soon_for_it_may_have_passed(host: Bench) -> None:
    failed(host, StepFailed("the mirror was in the middle of its own update"))
    host.machine.fail.clear()
    host.tick(15)
    host.work()
    assert host.reports()[-1].outcome is Outcome.APPLIED


def test_a_failure_that_stays_is_told_once(host: Bench) -> None:
    failed(host, StepFailed("it broke"))
    for _turn in range(3):
        host.tick(1200)
        host.work()
    assert len([item for item in host.reports() if item.outcome is Outcome.FAILED]) == 1
    host.machine.fail.clear()
    host.tick(1200)
    host.work()
    assert host.reports()[-1].outcome is Outcome.APPLIED


def test_steps_that_do_not_do_what_they_say_are_a_failure(host: Bench) -> None:
    host.start()
    host.connect()
    host.machine.stuck = True
    host.deliver(host.release(2, host.document(packages="nano\n")))
    host.work()
    (report,) = host.reports()
    assert report.reason is not None
    assert (report.outcome, report.reason.code) == (Outcome.FAILED, "not-stable")
    assert "+nano" in report.reason.text


def test_a_host_that_cannot_be_looked_at_is_a_failure(host: Bench) -> None:
    host.start()
    host.connect()
    host.machine.blind = StepFailed("dpkg's status cannot be read")
    host.deliver(host.release(2, host.document()))
    host.work()
    assert host.reports()[-1].outcome is Outcome.FAILED


def test_a_fault_of_our_own_in_looking_is_a_failure_and_a_later_release_mends_it(host: Bench) -> None:
    host.start()
    host.connect()
    host.machine.blind = UnicodeEncodeError("utf-8", "\udcff", 0, 1, "surrogates not allowed")
    host.deliver(host.release(2, host.document()))
    host.work()
    report = host.reports()[-1]
    assert report.reason is not None
    assert (report.outcome, report.reason.text[:30]) == (Outcome.FAILED, "unexpected: UnicodeEncodeError")
    host.machine.blind = None
    host.deliver(host.release(4, host.document(commit="mended")))
    host.work()
    assert host.reports()[-1].outcome is Outcome.APPLIED


def test_the_end_of_the_process_leaves_the_run_open_and_the_next_one_finishes_it(host: Bench) -> None:
    host.start()
    host.connect()

    def end(step: object) -> None:
        host.core.worker.stop(0)

    host.machine.during = end
    host.deliver(host.release(2, host.document(packages="nano\n", files=[text_file("/etc/motd", "hi")])))
    host.work()
    assert host.reports() == []
    host.machine.during = lambda step: None
    host.start()
    host.work()
    (report,) = host.reports()
    assert (report.trigger, [step.resource for step in report.steps]) == (
        Trigger.RETURN,
        ["packages", "file /etc/motd"],
    )
