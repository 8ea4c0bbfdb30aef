"""Times for people and for machines."""

from __future__ import annotations

import pytest

from orch.common.clock import SystemChance, SystemClock, ago, rfc3339


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-5, "0 s"), (0, "0 s"), (59.9, "59 s"), (60, "1 min"), (3599, "59 min"), (3600, "1 h"), (3900, "1 h 5 min"),
     (86399, "23 h 59 min"), (86400, "1 d"), (6 * 86400 + 4 * 3600, "6 d 4 h")],
)  # fmt: skip
def test_spans_read_as_people_say_them(seconds: float, text: str) -> None:
    assert ago(seconds) == text


def test_times_for_machines_are_utc() -> None:
    assert rfc3339(1_795_300_000) == "2026-11-21T22:26:40Z"


def test_the_machines_clock_goes_forward() -> None:
    clock = SystemClock()
    assert clock.boottime() <= clock.boottime()
    assert clock.wall() > 1_700_000_000


def test_chance_gives_what_was_asked_for() -> None:
    chance = SystemChance()
    assert len(chance.token(16)) == 16
    assert chance.token(16) != chance.token(16)
    assert 1.0 <= chance.between(1.0, 2.0) <= 2.0
