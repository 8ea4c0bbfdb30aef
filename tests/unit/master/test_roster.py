"""What hosts may make the centre believe about release numbers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orch.common.policy import ScopeEpoch
from orch.common.release import Parcel, Proof
from orch.common.session import Head
from orch.master.records import KeyRecord, ScopeRecord, Summary
from orch.master.roster import HEARD_JUMP, Roster
from tests.fakes import signed_estate as estate
from tests.fakes.clock import ManualClock

ME = estate.admission()


def roster(*, epoch: int = 1) -> Roster:
    policy = replace(estate.POLICY, version=2, epochs=(ScopeEpoch("main", epoch),))
    made = Roster(ManualClock(wall=estate.NOW), fresh=estate.signing("fresh"), pending=10)
    made.take_policy(policy, estate.policy_bytes(policy))
    made.admit(ME, KeyRecord(curve=ME.curve, state="admitted", admission=estate.admission_bytes(ME)))
    made.published(ScopeRecord(scope="main", epoch=1, number=40, release=b"x" * 32), [])
    return made


def hear(made: Roster, number: int, *, epoch: int = 1, scope: str = "main") -> bool:
    return made.heard(ME.curve, policy_=2, scope=scope, running=(epoch, number, b"z" * 32))


def test_a_host_that_holds_a_newer_release_of_its_scope_is_listened_to() -> None:
    made = roster()
    assert hear(made, 40 + HEARD_JUMP)
    assert made.claimed_head("main").number == 40 + HEARD_JUMP


@pytest.mark.parametrize("scope", ["lab", ""])
def test_a_number_of_another_scope_is_shown_and_claims_nothing(scope: str) -> None:
    made = roster()
    assert not hear(made, 100, scope=scope)
    assert made.claimed_head("main").number == 40
    assert made.hosts[ME.curve].running == (1, 100, b"z" * 32)


@pytest.mark.parametrize(("epoch", "number"), [(1, 41 + HEARD_JUMP), (2, 1 + HEARD_JUMP), (2, 1_000_000)])
def test_one_host_cannot_use_up_the_numbers_not_even_of_an_epoch_that_was_just_opened(epoch: int, number: int) -> None:
    made = roster(epoch=epoch)
    assert not hear(made, number, epoch=epoch)
    assert made.claimed_head("main").number == 40


def test_in_an_epoch_that_was_just_opened_a_host_may_be_a_little_ahead() -> None:
    made = roster(epoch=2)
    assert hear(made, HEARD_JUMP, epoch=2)
    assert made.claimed_head("main").number == HEARD_JUMP


def test_a_report_about_another_release_than_the_hosts_own_says_nothing_of_what_it_holds() -> None:
    made = roster()
    head = Head("main", 1, 40, b"x" * 32, Parcel(b"release", b"document", Proof(0, ())))
    made.published(ScopeRecord(scope="main", epoch=1, number=40, release=b"x" * 32), [(ME.curve, head)])
    hear(made, 38)
    made.reported(ME.curve, about(900, b"o" * 32, sequence=1))  # of the scope that it has left
    assert made.hosts[ME.curve].running[:2] == (1, 38)
    made.reported(ME.curve, about(40, b"x" * 32, sequence=2))
    assert made.hosts[ME.curve].running == (1, 40, b"x" * 32)


def about(number: int, release: bytes, *, sequence: int) -> Summary:
    return Summary(sequence=sequence, received=0, epoch=1, number=number, release=release, outcome="applied")
