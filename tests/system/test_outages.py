"""The centre away, daemons killed, power cut: nothing is lost, nothing counts twice, nothing is left half-done.

Two minutes without a master are waited for once (`outage`); what happens on three hosts meanwhile is looked at by
several tests.
"""

from __future__ import annotations

import os
import random
import signal
import time
from dataclasses import dataclass, field
from functools import partial

import pytest

from orch.common.report import Outcome, Report, Trigger
from tests.lab import counted
from tests.lab.fleet import MASTER
from tests.lab.ground import LAB, LIBRARY, SCHOOL, Ground, begun, slow
from tests.lab.hosts import Host, until
from tests.lab.locks import Lock

pytestmark = pytest.mark.system

OUTAGE = 120.0
LOOK = 100.0
"""Seconds in which a host that looks once a minute has looked, seen to it and looked again, on a slow machine."""
KILLING = 35.0
"""Seconds of killing."""


# ---- two minutes without a master


@dataclass
class Outage:
    """What was seen while the master was away, and what the master was told afterwards."""

    ground: Ground
    finished: bool = False  # the slow package of the first host was set up while the master was away
    before: dict[str, int] = field(default_factory=dict)  # reports that the centre had of each host
    waited: list[str] = field(default_factory=list)  # what stood in each host's way when the master went
    healed: dict[str, float] = field(default_factory=dict)  # seconds until each thing was put right
    told: dict[str, list[Report]] = field(default_factory=dict)
    seconds: float = 0.0
    """From the master's return to the last report."""


@pytest.fixture(scope="module")
def outage(established: Ground) -> Outage:
    """Three hosts get a release, each with a trouble of its own; the master goes for two minutes; it comes back."""
    established.calm()
    seen = Outage(established)
    lock = Lock(established.lab.hosts[LAB])
    try:
        _deliver(seen, lock)
        seen.before = {name: counted.made(host).newest for name, host in established.lab.hosts.items()}
        established.stop_master()
        gone = time.monotonic()
        _meanwhile(seen, lock)
        time.sleep(max(0.0, OUTAGE - (time.monotonic() - gone)))
    finally:
        lock.release()
    established.start_master()
    back = time.monotonic()
    for name, host in established.lab.hosts.items():
        until(partial(_sent, host), every=0.2, what=f"the reports of {name}")
        kept = counted.kept(established.folders.centre, name)
        seen.told[name] = list(kept.reports[seen.before[name] :])
    seen.seconds = time.monotonic() - back
    return seen


def _deliver(seen: Outage, lock: Lock) -> None:
    """One is in the middle of a slow package, one waits for dpkg's lock, one could not configure a package."""
    ground, hosts = seen.ground, seen.ground.lab.hosts
    slow(hosts[LIBRARY], 15)
    ground.add_to_list("library", "slow-setup")
    ground.add_to_list("school", "mendable-setup")
    ground.add_to_list("lab", "tree")
    lock.take()
    ground.apply_unheard()
    begun(hosts[LIBRARY])
    row = ground.wait_outcome(SCHOOL, "failed")
    seen.waited.append(str(row["text"]))
    until(lambda: "resource=packages" in hosts[LAB].log("executor"), what="apt to wait for the lock")


def _meanwhile(seen: Outage, lock: Lock) -> None:
    """The slow one ends; what stood in the way goes; people change hosts by hand; one host is rebooted."""
    ground, hosts = seen.ground, seen.ground.lab.hosts
    library, school, lab = hosts[LIBRARY], hosts[SCHOOL], hosts[LAB]
    until(lambda: "slow-setup" in library.installed(), every=0.2, what="slow-setup to be set up")
    until(lambda: _idle(ground, library), every=0.3, what="the turn to end")
    seen.finished = not ground.lab.centre.is_running(MASTER)

    started = time.monotonic()
    (school.root / "etc/mendable-setup.ok").touch()
    (library.root / "etc/motd").write_text("somebody was here\n")
    ground.remove_by_hand(library, "library-catalogue")
    until(lambda: "=waiting" in lab.log("executor"), timeout=90, every=0.3, what="the lock to be given up")
    seen.waited.append(ground.on_site(lab, "status")["reason"]["text"])
    lock.release()

    def note(name: str, condition: object) -> None:
        if condition and name not in seen.healed:
            seen.healed[name] = time.monotonic() - started

    def looked() -> bool:
        note("half-configured", "mendable-setup" in school.installed())
        note("removed by hand", "library-catalogue" in library.installed())
        note("changed by hand", (library.root / "etc/motd").read_text() == "as it should be\n")
        note("lock", "tree" in lab.installed())
        return len(seen.healed) == 4

    until(looked, timeout=LOOK, every=0.3, what="all to be put right")
    until(lambda: _idle(ground, school), every=0.3, what="the turn to end")
    ground.remove_by_hand(school, "school-timetable")
    school.power_cut()
    booted = time.monotonic()
    ground.switch_on(school)
    until(lambda: "school-timetable" in school.installed(), every=0.2, what="the boot to put it right")
    seen.healed["boot"] = time.monotonic() - booted


def _sent(host: Host) -> bool:
    return not counted.made(host).unsent


def _idle(ground: Ground, host: Host) -> bool:
    return not ground.on_site(host, "status")["doing"]


def test_a_host_finishes_while_the_master_is_away_and_its_report_arrives_once_it_is_back(outage: Outage) -> None:
    assert outage.finished
    first = outage.told[LIBRARY][0]
    assert (first.trigger, first.outcome) == (Trigger.RELEASE, Outcome.APPLIED)
    added = [change.name for step in first.steps for change in step.changes if change.kind == "package"]
    assert added == ["slow-setup"]
    print(f"\nafter {OUTAGE:.0f} s without a master: all reports {outage.seconds:.1f} s after its return")
    assert outage.seconds < 60


def test_after_the_outage_every_report_is_there_once(outage: Outage) -> None:
    for host in outage.ground.lab.hosts.values():
        assert counted.faults(host, outage.ground.folders.centre) == []


def test_what_was_removed_or_changed_by_hand_is_put_back_without_the_centre_and_reported_as_drift(
    outage: Outage,
) -> None:
    drift = [report for report in outage.told[LIBRARY] if report.drift]
    changed = {change.name for report in drift for step in report.steps for change in step.changes}
    assert changed == {"library-catalogue", "/etc/motd"}
    assert {report.outcome for report in drift} == {Outcome.APPLIED}
    assert {report.trigger for report in drift} == {Trigger.TIMER}
    print(f"\nput right without the centre, in seconds: {outage.healed}")


def test_a_held_lock_is_waited_for_said_and_not_in_the_way_once_it_is_free(outage: Outage) -> None:
    assert "dpkg's lock is held" in outage.waited[1]
    told = [(report.outcome, report.reason.code if report.reason else "") for report in outage.told[LAB]]
    assert told == [(Outcome.WAITING, "blocked"), (Outcome.APPLIED, "")]
    assert "lock" in outage.healed


def test_a_half_configured_package_is_repaired_once_its_cause_is_gone(outage: Outage) -> None:
    assert "mendable-setup" in outage.waited[0]
    # It tried again before its cause was gone, too, and said what became of that.
    mended = next(report for report in outage.told[SCHOOL] if report.outcome is Outcome.APPLIED)
    changes = [(change.name, change.before, change.after) for step in mended.steps for change in step.changes]
    assert ("mendable-setup", "half-configured", "installed") in changes


def test_a_host_that_boots_without_the_centre_becomes_what_its_last_document_says(outage: Outage) -> None:
    booted = [report for report in outage.told[SCHOOL] if report.trigger is Trigger.BOOT]
    assert [report.outcome for report in booted] == [Outcome.APPLIED]
    assert booted[0].drift
    assert [change.name for step in booted[0].steps for change in step.changes] == ["school-timetable"]


def test_after_the_outage_the_centre_shows_every_host_as_it_is(outage: Outage) -> None:
    outage.ground.wait_applied(outage.ground.lab.hosts)
    assert outage.ground.faults() == []


# ---- killed around the acknowledgement


def test_no_report_is_lost_or_counted_twice_whenever_a_daemon_is_killed(ground: Ground) -> None:
    seed = int(os.environ.get("ORCH_SEED") or random.SystemRandom().randrange(1 << 32))
    dice = random.Random(seed)
    print(f"\nORCH_SEED={seed}")
    end, kills, rounds = time.monotonic() + KILLING, dict.fromkeys([MASTER, "executor", "agent"], 0), 0
    while time.monotonic() < end:
        rounds += 1
        # A host that finds something to put right reports it: no release is needed for that.
        for host in ground.lab.hosts.values():
            (host.root / "etc/motd").write_text(f"changed in round {rounds}\n")
            _kill(host, "executor")
        for _ in range(dice.randint(2, 4)):
            time.sleep(dice.uniform(0, 0.7))
            victim = dice.choice([MASTER, MASTER, "executor", "agent"])
            kills[victim] += _kill_one(ground, victim, dice)
        kills["executor"] += len(ground.lab.hosts)
    if not ground.lab.centre.is_running(MASTER):
        ground.start_master()
    print(f"killed in {rounds} rounds: {kills}")
    for host in ground.lab.hosts.values():
        until(partial(_settled, ground, host), timeout=90, every=0.3, what=f"{host.name} to come to rest")
        assert counted.made(host).newest > rounds / 2
        assert counted.faults(host, ground.folders.centre) == [], f"ORCH_SEED={seed}"


def _kill_one(ground: Ground, victim: str, dice: random.Random) -> int:
    if victim != MASTER:
        return _kill(dice.choice(list(ground.lab.hosts.values())), victim)
    if ground.lab.centre.is_running(MASTER):
        ground.kill_master()
    ground.start_master()
    return 1


def _kill(host: Host, daemon: str) -> int:
    """Kill a daemon, if it runs just now; how many were killed."""
    try:
        os.kill(host.pid(daemon), signal.SIGKILL)
    except ProcessLookupError:
        return 0
    return 1


def _settled(ground: Ground, host: Host) -> bool:
    made = counted.made(host)
    return not made.unsent and _motd(host) == "as it should be\n" and _idle(ground, host) and made == counted.made(host)


def _motd(host: Host) -> str:
    return (host.root / "etc/motd").read_text("utf-8")
