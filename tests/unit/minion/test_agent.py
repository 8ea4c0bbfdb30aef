from __future__ import annotations

from orch.minion.agent import FIRST_PAUSE, LONGEST_PAUSE, STEADY, Dialler
from orch.minion.channel import Dialling
from tests.fakes.clock import CountingChance

OLD, NEW = bytes(32), bytes([1] * 32)


class Longest(CountingChance):
    """Always the longest pause."""

    def between(self, low: float, high: float) -> float:
        return high


def dialler(*addresses: str, servers: tuple[bytes, ...] = (OLD,)) -> Dialler:
    made = Dialler(Longest())
    made.told(Dialling(addresses, servers))
    return made


def test_has_nothing_to_dial_before_it_is_told() -> None:
    assert not Dialler(Longest()).ready


def test_tries_every_address_and_then_the_next_server_key() -> None:
    made = dialler("tcp://a:1", "tcp://b:2", servers=(OLD, NEW))
    tried = []
    for _attempt in range(5):
        tried.append(made.choice())
        made.failed()
    assert tried == [
        ("tcp://a:1", OLD),
        ("tcp://b:2", OLD),
        ("tcp://a:1", NEW),
        ("tcp://b:2", NEW),
        ("tcp://a:1", OLD),
    ]


def test_hardly_waits_within_a_round_and_longer_after_each_round() -> None:
    made = dialler("tcp://a:1", "tcp://b:2")
    pauses = [made.failed() for _attempt in range(16)]
    assert max(pauses[0::2]) < 0.5
    assert pauses[1::2][:3] == [1.0, 2.0, 4.0]
    assert max(pauses) == LONGEST_PAUSE


def test_a_good_connection_that_ends_is_dialled_again_within_a_second() -> None:
    made = dialler("tcp://a:1")
    for _attempt in range(6):
        made.failed()
    assert made.lost(STEADY) <= FIRST_PAUSE
    assert made.choice() == ("tcp://a:1", OLD)


def test_a_connection_that_never_lasts_is_dialled_more_and_more_seldom() -> None:
    made = dialler("tcp://a:1")
    pauses = [made.lost(0.1) for _attempt in range(8)]
    assert pauses == sorted(pauses)
    assert pauses[-1] == LONGEST_PAUSE


def test_a_change_of_the_network_ends_the_waiting() -> None:
    made = dialler("tcp://a:1")
    for _attempt in range(6):
        made.failed()
    assert made.encouraged() <= FIRST_PAUSE / 2
    assert made.failed() == FIRST_PAUSE


def test_a_centre_that_moved_is_dialled_at_once_and_one_that_did_not_changes_nothing() -> None:
    made = dialler("tcp://a:1", "tcp://b:2")
    made.failed()
    made.told(Dialling(("tcp://a:1", "tcp://b:2"), (OLD,)))
    assert made.choice() == ("tcp://b:2", OLD)
    made.told(Dialling(("tcp://c:3",), (OLD,)))
    assert made.choice() == ("tcp://c:3", OLD)
