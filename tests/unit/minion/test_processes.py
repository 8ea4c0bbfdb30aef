"""The real processes of a host against a centre with real sockets: what only the whole can show."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from orch.common.report import Outcome, Trigger
from orch.minion.failpoint import AFTER_FLOOR, AFTER_REPORT, AFTER_STEP, BEFORE_FORGET, BEFORE_REPORT
from tests.fakes.real_host import HOST, Site, open_site, wait_for

pytestmark = pytest.mark.processes


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with open_site(tmp_path) as made:
        yield made


def test_a_stranger_waits_and_becomes_what_its_document_says_when_it_is_admitted(site: Site) -> None:
    site.start("executor")
    site.start("agent")
    wait_for(lambda: bool(site.centre.requests))
    site.publish(2, site.document("welcome\n", lists="nano\n"))
    time.sleep(0.3)
    assert site.motd() == ""
    site.admit()
    wait_for(lambda: site.applied(2))
    assert site.motd() == "welcome\n"
    assert (site.root / "var/lib/orch/lists/base.list").read_text() == "nano\n"
    assert site.centre.streams == 1
    report = site.reports()[0]
    assert (report.sequence, report.trigger, len(report.steps)) == (1, Trigger.RELEASE, 2)


def test_the_same_content_again_starts_no_rsync_and_is_reported_with_no_steps(site: Site) -> None:
    site.admit()
    site.publish(2, site.document("welcome\n", lists="nano\n"))
    site.start("executor")
    site.start("agent")
    wait_for(lambda: site.applied(2))
    site.publish(4, site.document("welcome\n", lists="nano\n"))
    wait_for(lambda: site.applied(4))
    assert site.centre.streams == 1
    assert site.reports()[-1].steps == ()


def test_a_report_made_while_the_centre_is_down_arrives_when_it_is_back(site: Site) -> None:
    site.admit()
    site.publish(2, site.document("welcome\n"))
    site.centre.acknowledge = False
    site.start("executor")
    site.start("agent")
    wait_for(lambda: site.motd() == "welcome\n" and "reports-sent" in site.log("executor"))
    site.centre.close()
    wait_for(lambda: "disconnected" in site.log("executor"))
    site.centre.acknowledge = True
    site.centre.reopen()
    wait_for(lambda: site.applied(2))
    assert [item.sequence for item in site.reports() if item.steps] == [1]


@pytest.mark.parametrize("place", [AFTER_FLOOR, AFTER_STEP, BEFORE_REPORT, AFTER_REPORT, BEFORE_FORGET])
def test_a_killed_executor_finishes_at_its_next_start_and_reports_once(site: Site, place: str) -> None:
    site.admit()
    site.publish(2, site.document("welcome\n"))
    site.start("executor", ORCH_FAILPOINT=f"{place}=kill")
    site.start("agent")
    wait_for(lambda: site.ended("executor"))
    assert site.running["executor"].returncode == -signal.SIGKILL
    site.start("executor")
    wait_for(lambda: site.applied(2))
    assert site.motd() == "welcome\n"
    wait_for(lambda: site.run("status").returncode != 2)  # it answers: the report may have come before the kill
    wait_for(lambda: site.status()["committed"] == site.status()["reports"])
    told = site.reports()
    assert [item.sequence for item in told] == list(range(1, len(told) + 1))
    assert [item.outcome for item in told if item.steps] == [Outcome.APPLIED]


def test_people_on_site_see_the_same_and_a_drift_is_a_plan_that_ends_with_three(site: Site) -> None:
    site.admit()
    site.publish(2, site.document("welcome\n"))
    site.start("executor")
    site.start("agent")
    wait_for(lambda: site.applied(2))
    assert "applied" in site.run("status").stdout
    assert site.run("plan").returncode == 0
    (site.root / "etc/motd").write_text("somebody was here\n")
    drifted = site.run("plan")
    assert drifted.returncode == 3
    assert "/etc/motd" in drifted.stdout
    assert site.motd() == "somebody was here\n"
    assert "release 2 is applied" in site.run("explain").stdout
    site.stop("executor")
    assert site.running["agent"].poll() is None
    gone = site.run("status")
    assert gone.returncode == 2
    assert "executor does not answer" in gone.stderr


def test_a_host_cannot_be_enrolled_twice_by_mistake(site: Site) -> None:
    words = site.run("words").stdout
    again = site.run("enrol", str(site.root / "lab.enrol"), "--name", HOST)
    assert again.returncode == 2
    assert "--break-enrolment" in again.stderr
    assert site.run("words").stdout == words
    anew = site.run("enrol", str(site.root / "lab.enrol"), "--name", HOST, "--break-enrolment")
    assert anew.returncode == 0
    assert site.run("words").stdout not in ("", words)
