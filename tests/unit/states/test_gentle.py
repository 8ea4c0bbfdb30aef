from __future__ import annotations

from orch.states.gentle import TRIES, most


class Asked:
    """Fits unless one of some names is among those asked for."""

    def __init__(self, *bad: str) -> None:
        self.bad, self.count = set(bad), 0

    def __call__(self, names: tuple[str, ...]) -> tuple[str, ...] | None:
        self.count += 1
        return None if self.bad & set(names) else names


NAMES = tuple(f"p{number}" for number in range(500))


def test_what_fits_as_a_whole_costs_one_question() -> None:
    ask = Asked()
    assert most(NAMES, ask) == NAMES
    assert ask.count == 1


def test_everything_but_what_is_in_the_way_is_found_with_few_questions() -> None:
    ask = Asked("p77")
    assert most(NAMES, ask) == tuple(name for name in NAMES if name != "p77")
    assert ask.count < TRIES


def test_two_that_do_not_fit_together_cost_one_of_them() -> None:
    assert most(("a", "b", "c"), lambda some: None if {"a", "c"} <= set(some) else some) == ("a", "b")


def test_where_nothing_fits_there_is_nothing() -> None:
    assert most(("a",), lambda some: None) is None
    assert most((), lambda some: None) is None


def test_much_in_the_way_ends_after_so_many_questions() -> None:
    ask = Asked(*NAMES[::2])
    found = most(NAMES, ask)
    assert ask.count == TRIES
    assert found is not None
    assert not set(found) & ask.bad
