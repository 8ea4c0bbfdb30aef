"""What the centre sends beside releases: policies, admissions, goes and orders, good and bad."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from orch.common import authoring, messages
from orch.common.errors import StoreError
from orch.common.order import Kind, Order
from orch.common.policy import TYPE
from orch.common.release import Go
from orch.common.report import Outcome
from orch.minion.floor import FloorFile
from tests.fakes import signed_estate as estate
from tests.fakes.bench import Bench, bench


@pytest.fixture
def host(tmp_path: Path) -> Bench:
    return bench(tmp_path)


def codes(host: Bench) -> list[str]:
    return [item.reason.code for item in host.reports() if item.reason]


def test_the_next_policy_is_kept_and_survives_a_restart(host: Bench) -> None:
    host.settle()
    policy = replace(estate.POLICY, version=2, issued=host.clock.wall())
    host.say(messages.PolicySent(version=2, envelope=estate.policy_bytes(policy)))
    assert host.core.inbox.policy.version == 2
    host.start()
    assert host.core.inbox.policy == policy


def test_a_policy_that_the_root_did_not_sign_is_refused_with_a_report(host: Bench) -> None:
    host.settle()
    policy = replace(estate.POLICY, version=2)
    for _again in range(2):
        host.say(messages.PolicySent(version=2, envelope=estate.policy_bytes(policy, "anna")))
    assert codes(host) == ["bad-signature"]
    assert host.core.inbox.policy.version == 1


def test_an_admission_for_another_key_is_refused(host: Bench) -> None:
    host.settle()
    other = replace(host.me, serial=2, curve=bytes(32))
    host.say(messages.Admitted(serial=2, envelope=estate.admission_bytes(other)))
    assert codes(host) == ["mislabelled"]


def test_a_go_begins_the_release_that_waits_for_it(host: Bench) -> None:
    host.settle()
    made = host.release(4, host.document(packages="hello\n"), needs_go=True)
    host.deliver(made)
    now = host.clock.wall()
    go = Go(
        estate=estate.ESTATE,
        scope="main",
        epoch=1,
        number=4,
        release=made.hash,
        rings=("stable",),
        issued=now,
        expires=now + 600,
    )
    other = replace(go, rings=("canary",))
    host.say(messages.WentOn(envelope=authoring.sign_go(other, keys=estate.keys("anna"))))
    host.work()
    assert "hello" not in host.machine.packages
    host.say(messages.WentOn(envelope=authoring.sign_go(go, keys=estate.keys("anna"))))
    host.work()
    assert host.machine.packages == {"dpkg", "hello"}
    assert host.reports()[-1].outcome is Outcome.APPLIED
    host.start()
    assert host.core.inbox.waiting is None


def test_an_order_that_this_version_does_not_know_is_refused_with_a_report(host: Bench) -> None:
    host.settle()
    now = host.clock.wall()
    order = Order(
        estate=estate.ESTATE,
        scope="main",
        id=bytes(16),
        hosts=(host.me.curve,),
        kind=Kind.REBOOT,
        issued=now,
        expires=now + 60,
    )
    host.say(messages.Ordered(envelope=authoring.sign_order(order, keys=estate.keys("anna"))))
    assert codes(host) == ["refused"]


def test_an_order_of_nobody_known_is_refused(host: Bench) -> None:
    host.settle()
    host.say(messages.Ordered(envelope=b"junk"))
    assert codes(host) == ["malformed"]


def test_a_proof_that_is_not_this_centres_proves_nothing(host: Bench) -> None:
    host.start()
    host.up()
    host.say(messages.Admitted(serial=1, envelope=estate.admission_bytes(host.me)))
    host.say(messages.Freshness(envelope=estate.fresh().envelope))
    assert host.core.inbox.grounds().unproven() is None
    host.deliver(host.release(2, host.document()))
    assert codes(host) == ["not-fresh"]


@pytest.mark.parametrize("in_the_way", [".floor.a.new", ".floor.b.new", ".policy.next.new", "policy"])
def test_a_disk_that_refuses_in_the_middle_leaves_the_old_policy_in_force_and_is_reported(
    host: Bench, in_the_way: str
) -> None:
    host.settle()
    state, policy = host.layout.state, replace(estate.POLICY, version=2, issued=host.clock.wall())
    sent = messages.PolicySent(version=2, envelope=estate.policy_bytes(policy))
    blocked = Blocked(state / in_the_way)
    with pytest.raises(StoreError):
        host.say(sent)
    assert host.core.inbox.policy.version == 1
    assert codes(host) == ["store"]
    assert host.reports()[0].refused == "policy"
    blocked.free()
    host.say(sent)
    assert host.core.inbox.policy == policy
    host.start()
    assert host.core.inbox.policy == policy
    assert host.core.inbox.standing().floor.policy_version == 2


class Blocked:
    """A folder where a file has to go: even root cannot put it there."""

    def __init__(self, path: Path) -> None:
        self._path, self._aside = path, path.with_name("aside")
        if path.exists():
            path.rename(self._aside)
        (path / "inside").mkdir(parents=True)

    def free(self) -> None:
        (self._path / "inside").rmdir()
        self._path.rmdir()
        if self._aside.exists():
            self._aside.rename(self._path)


@pytest.mark.parametrize(("floor_names_it", "version"), [(True, 2), (False, 1)])
def test_a_policy_that_a_power_cut_left_half_way_is_settled_by_the_floor(
    host: Bench, *, floor_names_it: bool, version: int
) -> None:
    host.settle()
    envelope = estate.policy_bytes(replace(estate.POLICY, version=2))
    (host.layout.state / "policy.next").write_bytes(envelope)
    if floor_names_it:
        floors = FloorFile(host.layout.state, host.log)
        floors.write(replace(floors.load(), policy_version=2, policy_hash=estate.body_hash(envelope, TYPE)))
    host.start()
    assert host.core.inbox.policy.version == version
    assert not (host.layout.state / "policy.next").exists()
