"""Floors: they remember, per scope."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orch.common import codec
from orch.common.errors import RolledBack
from orch.common.standing import MAX_LEFT, Floor
from tests.fakes.signed_estate import NOW, POLICY

MAIN = Floor(scope="main", epoch=2, number=40, release=b"r" * 32, document=b"d" * 32, policy_version=3)


def test_travels_to_the_disk_and_back() -> None:
    floor = MAIN.within("north")
    assert codec.decode(Floor, codec.encode(floor), limit=10_000) == floor
    assert codec.decode(Floor, codec.encode(Floor()), limit=10_000) == Floor()


def test_a_host_that_changes_its_scope_keeps_the_mark_of_the_old_one() -> None:
    north = MAIN.within("north")
    assert (north.scope, north.epoch, north.number, north.release) == ("north", 0, 0, b"")
    assert north.policy_version == 3
    assert replace(north, number=6).within("main") == replace(
        MAIN, left=(replace(north, number=6).within("main").left[0],)
    )


def test_a_host_in_its_scope_keeps_its_floor() -> None:
    assert MAIN.within("main") is MAIN


def test_the_first_scope_leaves_no_mark() -> None:
    assert Floor().within("main") == Floor(scope="main")


def test_more_scopes_than_it_can_remember_are_refused() -> None:
    floor = Floor()
    for at in range(MAX_LEFT + 1):
        floor = floor.within(f"scope{at}")
    assert len(floor.left) == MAX_LEFT
    with pytest.raises(RolledBack, match="cannot remember"):
        floor.within("another")
    assert floor.within("scope0").scope == "scope0"  # going back is no new one


def test_takes_on_a_policy() -> None:
    floor = Floor(signed_time=5).with_policy(POLICY, b"h" * 32)
    assert (floor.policy_version, floor.policy_hash, floor.signed_time) == (1, b"h" * 32, POLICY.issued)
    assert Floor(signed_time=NOW).with_policy(POLICY, b"h" * 32).signed_time == NOW


def test_the_proved_time_may_go_back_but_not_below_what_was_signed() -> None:
    floor = Floor(trusted_time=9000, signed_time=100)
    assert floor.with_time(500).trusted_time == 500
    assert floor.with_time(5).trusted_time == 100
