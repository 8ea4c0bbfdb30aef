"""Killed around the acknowledgement, and in the middle of a transaction."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from functools import partial

import pytest

from orch.common.report import Outcome
from orch.minion import failpoint
from tests.lab import counted, package
from tests.lab.ground import LAB, LIBRARY, SCHOOL, Ground, begun, events, slow
from tests.lab.hosts import Host, until

pytestmark = pytest.mark.system


# ---- killed around the acknowledgement

PLACES = {
    LIBRARY: failpoint.AFTER_REPORT,  # it is on the disk, nothing was sent
    SCHOOL: failpoint.AFTER_SEND,  # it was sent, no answer came
    LAB: failpoint.BEFORE_FORGET,  # the master has it and says so
}


def test_a_host_killed_between_report_and_acknowledgement_tells_it_once(ground: Ground) -> None:
    hosts = ground.lab.hosts
    for name, place in PLACES.items():
        _serve(ground, hosts[name], place)
    ground.connected(hosts)
    kept = {name: len(counted.kept(ground.folders.centre, name).sequences) for name in hosts}
    ground.write({"files/motd": "killed at the acknowledgement\n"})
    ground.apply_unheard()
    for name, host in hosts.items():
        until(partial(_died, host), what=f"{name} to die at {PLACES[name]}")
        _serve(ground, host, "")
    ground.wait_applied(hosts)
    for name, host in hosts.items():
        until(partial(_counted, ground, host), every=0.2, what=f"the reports of {name}")
        told = counted.kept(ground.folders.centre, name).reports[kept[name] :]
        about = [report for report in told if report.steps]
        assert [report.outcome for report in about] == [Outcome.APPLIED], name
    assert ground.faults() == []


def _died(host: Host) -> bool:
    return host.starts("executor") >= 2


def _counted(ground: Ground, host: Host) -> bool:
    return counted.faults(host, ground.folders.centre) == []


def _serve(ground: Ground, host: Host, place: str) -> None:
    """Let the executor end itself at a place; at no place where none is said."""
    env = {failpoint.VARIABLE: f"{place}=kill"} if place else {}
    host.serve([replace(one, env=env) if one.name == "executor" else one for one in ground.services(host)])


# ---- cut off in the middle of a transaction


def test_a_killed_executor_finishes_what_it_had_begun(ground: Ground) -> None:
    host = ground.lab.hosts[LIBRARY]
    slow(host, 6)
    ground.add_to_list("library", "slow-setup", "tree")
    ground.apply_unheard()
    begun(host)
    os.kill(host.pid("executor"), signal.SIGKILL)
    ground.wait_applied([LIBRARY])
    assert host.installed().keys() >= {"slow-setup", "tree"}
    assert ground.faults() == []
    newest = ground.reports(LIBRARY)[0]
    assert newest["trigger"] in ("return", "timer")
    told = [step["problem"] or "" for report in ground.reports(LIBRARY)[:4] for step in report["steps"]]
    assert any("the executor was ended while this went on" in text for text in told), told
    assert events(host.log("executor"), "run-interrupted")
    assert counted.faults(host, ground.folders.centre) == []


@pytest.mark.parametrize("line", ["whole", "cut"])
def test_a_power_cut_in_the_middle_of_a_transaction_is_made_good_at_boot(ground: Ground, line: str) -> None:
    host = ground.lab.hosts[LIBRARY]
    slow(host, 60)
    ground.write({"lists/library.list": "library-catalogue\nslow-setup\nreading-room\n"})
    ground.apply_unheard()
    begun(host)
    host.power_cut()
    assert host.packages()["slow-setup"][0] != "installed"
    (host.root / "etc/slow-setup").write_text("0\n")
    if line == "cut":
        host.cut()
    ground.switch_on(host)
    until(lambda: host.installed().keys() >= {"slow-setup", "reading-room"}, every=0.2, what="the mending")
    until(lambda: _idle(ground, host), every=0.3, what="the turn to end")
    assert ground.on_site(host, "status")["outcome"] == "applied"
    assert host.chroot(["dpkg", "--audit"]).out == ""
    host.heal()
    ground.wait_applied([LIBRARY])
    assert ground.faults() == []
    assert counted.faults(host, ground.folders.centre) == []


def test_packages_of_trouble_are_what_these_tests_think(ground: Ground) -> None:
    known = {one.name for one in package.TROUBLE}
    assert {"slow-setup", "mendable-setup"} <= known
    assert known <= ground.lab.repository.names().keys()


def _idle(ground: Ground, host: Host) -> bool:
    return not ground.on_site(host, "status")["doing"]
