"""A release in force whose signers, ring, scope or epoch do not count any more."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from orch.common import authoring, messages
from orch.common.policy import Grant, Policy, ScopeEpoch, Threshold, Verb
from orch.common.release import Go
from orch.common.report import Outcome, StepOutcome
from orch.common.trust import Permission
from orch.states.base import Step
from tests.fakes import signed_estate as estate
from tests.fakes.bench import Bench, bench, text_file

NEXT = replace(estate.POLICY, version=2)
OTHERS = tuple(person for person in NEXT.operators if person.name != "anna")
EVE = estate.person("eve", Grant(estate.ALL, estate.ALL, tuple(Verb)))
DROPPED = replace(NEXT, operators=(*OTHERS, EVE))


def told(host: Bench, policy: Policy) -> None:
    host.say(messages.PolicySent(version=policy.version, envelope=estate.policy_bytes(policy)))
    assert host.core.inbox.policy.version == policy.version


def code(host: Bench) -> str:
    permission, why = host.core.inbox.permission()
    assert (permission is Permission.EVERYTHING) == (why is None)
    return why.code if why else ""


@pytest.fixture
def host(tmp_path: Path) -> Bench:
    found = bench(tmp_path)
    found.settle()
    assert code(found) == ""
    return found


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (NEXT, ""),
        (DROPPED, "bad-signature"),
        (
            replace(NEXT, operators=(estate.person("anna", Grant(estate.ALL, ("canary",), tuple(Verb))), EVE)),
            "out-of-scope",
        ),
        (
            replace(NEXT, operators=(estate.ANNA, EVE), thresholds=(Threshold(Verb.PUBLISH, "main", 2),)),
            "bad-signature",
        ),
        (replace(NEXT, epochs=(ScopeEpoch("main", 2),)), "rolled-back"),
        (replace(NEXT, epochs=(ScopeEpoch("other", 2),)), ""),
        (replace(NEXT, operators=(replace(estate.ANNA, not_after=estate.NOW - 1),)), ""),  # after it was signed
        (replace(NEXT, operators=(replace(estate.ANNA, not_after=estate.NOW - 61),)), "out-of-scope"),
    ],
    ids=["same", "dropped", "ring", "threshold", "epoch", "other-epoch", "ended-later", "ended-before"],
)
def test_a_new_policy_judges_what_is_in_force(host: Bench, policy: Policy, expected: str) -> None:
    told(host, policy)
    assert code(host) == expected
    host.start()
    assert code(host) == expected
    assert host.core.inbox.in_force is not None


def drifted(host: Bench) -> None:
    """Something is too much, something is gone; the timer comes."""
    host.machine.packages.add("telnet")
    host.machine.files.clear()
    host.tick(1200)
    host.work()
    assert "telnet" in host.machine.packages
    assert "/etc/motd" in host.machine.files
    report = host.reports()[-1]
    assert report.outcome is Outcome.WAITING
    assert report.reason is not None
    assert report.reason.code == "bad-signature"


def test_it_heals_and_removes_nothing_until_a_release_comes_that_counts(host: Bench) -> None:
    told(host, DROPPED)
    drifted(host)
    assert host.core.answers.status().permission == "heal"
    assert any("removes nothing" in line for line in host.core.answers.explanation().because)
    now = host.clock.wall()
    wanted = host.document(packages="nano\n", files=[text_file("/etc/motd", "hi")], commit="by eve")
    draft = estate.draft(4, created=now, expires=now + 30 * estate.DAY)
    host.deliver(estate.release(draft, by=("eve",), contents=estate.documents(wanted)))
    host.work()
    assert code(host) == ""
    assert host.machine.packages == {"dpkg", "nano"}


def test_what_needs_no_removal_is_still_installed_and_the_report_names_what_waits(host: Bench) -> None:
    host.machine.packages = {"dpkg", "telnet"}
    told(host, DROPPED)
    host.tick(1200)
    host.work()
    assert host.machine.packages == {"dpkg", "nano", "telnet"}
    report = host.reports()[-1]
    assert report.outcome is Outcome.WAITING
    assert report.reason is not None
    assert report.reason.text.endswith("until then this is not removed: telnet")


def test_what_had_to_wait_is_done_as_soon_as_the_signer_counts_again(host: Bench) -> None:
    told(host, DROPPED)
    drifted(host)
    told(host, replace(DROPPED, version=3, operators=(*OTHERS, EVE, estate.ANNA)))
    host.work()
    assert host.machine.packages == {"dpkg", "nano"}
    assert host.reports()[-1].outcome is Outcome.APPLIED


@pytest.mark.parametrize("how", ["policy", "admission", "time"])
def test_a_turn_at_work_removes_nothing_more_from_the_moment_on_in_which_it_may_not(host: Bench, how: str) -> None:
    def during(step: Step) -> None:
        if not step.resource.startswith("file"):
            return
        if how == "policy":
            told(host, DROPPED)
        elif how == "admission":
            moved = replace(host.me, scope="other", serial=2)
            host.say(messages.Admitted(serial=2, envelope=estate.admission_bytes(moved)))
        else:
            host.clock.advance(40 * estate.DAY)  # suspended: nothing else has woken yet

    host.machine.during, host.machine.files_first = during, True
    wanted = [text_file("/etc/issue", "new"), text_file("/etc/motd", "hi")]
    host.deliver(host.release(4, host.document(packages="hello\n", files=wanted)))
    host.work()
    assert host.machine.packages == {"dpkg", "nano"}
    assert "/etc/issue" in host.machine.files
    first = host.reports()[0]
    assert first.outcome is Outcome.WAITING
    assert first.steps[-1].outcome is StepOutcome.SKIPPED
    assert "nothing may be removed any more" in first.steps[-1].problem
    assert first.reason is not None
    assert first.reason.code == {"policy": "bad-signature", "admission": "mislabelled", "time": "expired"}[how]


def test_a_new_admission_judges_what_is_in_force(host: Bench) -> None:
    moved = replace(host.me, scope="other", serial=2)
    host.say(messages.Admitted(serial=2, envelope=estate.admission_bytes(moved)))
    assert code(host) == "mislabelled"


def test_a_release_that_waits_does_not_begin_when_its_signer_was_dropped(host: Bench) -> None:
    made = host.release(4, host.document(packages="hello\n"), needs_go=True)
    host.deliver(made)
    told(host, DROPPED)
    now = host.clock.wall()
    waiting = host.core.inbox.waiting
    assert waiting is not None
    go = Go(
        estate=estate.ESTATE,
        scope="main",
        epoch=1,
        number=4,
        release=waiting.release_hash,
        rings=("stable",),
        issued=now,
        expires=now + 600,
    )
    host.say(messages.WentOn(envelope=authoring.sign_go(go, keys=estate.keys("eve"))))
    host.work()
    assert host.machine.packages == {"dpkg", "nano"}
    reason = host.reports()[-1].reason
    assert reason is not None
    assert reason.code == "bad-signature"
    assert host.core.inbox.waiting is not None
