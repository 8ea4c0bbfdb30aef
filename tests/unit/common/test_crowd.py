"""Who has to go where there are too many."""

from __future__ import annotations

from orch.common.crowd import Crowd


def crowd(most: int, *came: tuple[int, str]) -> Crowd[int]:
    made: Crowd[int] = Crowd(most)
    for now, (who, address) in enumerate(came):
        made.add(who, address=address, now=float(now))
    assert made.thin() == []
    return made


def come(made: Crowd[int], who: int, address: str) -> list[tuple[int, str]]:
    """Somebody comes; who goes for it."""
    made.add(who, address=address, now=9.0)
    return made.thin()


def test_the_oldest_of_the_address_with_the_most_goes() -> None:
    made = crowd(4, (1, "alone"), (2, "many"), (3, "many"), (4, "many"))
    assert come(made, 5, "late") == [(2, "many")]
    assert [who in made for who in (1, 2, 3, 4, 5)] == [True, False, True, True, True]


def test_a_crowd_pushes_out_its_own() -> None:
    made = crowd(3, (1, "alone"), (2, "many"), (3, "many"))
    gone = [who for number in range(4, 100) for who, _ in come(made, number, "many")]
    assert gone == list(range(2, 98))
    assert 1 in made
    assert len(made) == 3


def test_whoever_is_known_leaves_room() -> None:
    made = crowd(2, (1, "here"), (2, "here"))
    made.remove(1)
    assert come(made, 3, "there") == []


def test_as_many_times_more_may_stay_as_is_asked() -> None:
    made = crowd(2, (1, "here"), (2, "here"))
    for who in (3, 4, 5):
        made.add(who, address="here", now=9.0)
    assert made.thin(2) == [(1, "here")]
    assert made.thin() == [(2, "here"), (3, "here")]


def test_of_ipv6_the_first_half_of_an_address_counts() -> None:
    made = crowd(3, (1, "2001:db8:1::1"), (2, "2001:db8:2:3::1"), (3, "2001:db8:2:3:ffff::2"))
    assert come(made, 4, "2001:db8:3::1") == [(2, "2001:db8:2:3::1")]


def test_says_who_has_been_here_for_too_long() -> None:
    made = crowd(9, (1, "a"), (2, "b"), (3, "a"))
    assert made.came_before(2.0) == [(1, "a"), (2, "b")]
