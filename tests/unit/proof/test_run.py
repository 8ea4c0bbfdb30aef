"""Long runs: they go on where they were killed, and a case that fails is the same case again when it is run alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest

from tests.proof import results, run, state
from tests.proof.family import Case, Family
from tests.proof.state import State

pytestmark = pytest.mark.processes  # it measures the memory of its process, which takes a second in a large one


class Killed(BaseException):
    """What stands for a kill: nothing catches it."""


class Rolls:
    """A family that notes what its dice said; fails and dies where it is told to."""

    def __init__(self, *, fails: tuple[int, ...] = (), dies: int = -1, keeps: int = 0) -> None:
        self.rolled: dict[int, float] = {}
        self.opened = 0
        self.fails, self.dies, self.keeps = fails, dies, keeps
        self.kept: list[bytes] = []

    @contextmanager
    def open(self) -> Iterator[Case]:
        self.opened += 1
        yield self.case

    def case(self, number: int, fall: Random) -> None:
        self.rolled[number] = fall.random()
        self.kept.append(b"x" * self.keeps)
        if number == self.dies:
            raise Killed
        if number in self.fails:
            raise ValueError(f"not {number}")

    def family(self, *, flat: bool = False) -> Family:
        return Family(name="rolls", about="a roll", whole=10, sample=1, open=self.open, flat=flat)


def silent(_state: State) -> None:
    """Says nothing."""


def whole(rolls: Rolls, *, cases: int = 10, folder: Path | None = None, flat: bool = False) -> State:
    done = State(family="rolls", seed=7, wanted=cases)
    run.run(rolls.family(flat=flat), done, folder=folder, say=silent)
    return done


def test_runs_every_case_once() -> None:
    rolls = Rolls()
    done = whole(rolls)
    assert (done.done, done.failed, done.over) == (10, 0, True)
    assert list(rolls.rolled) == list(range(10))
    assert rolls.opened == 1


def test_a_run_that_was_killed_goes_on_with_the_same_dice(tmp_path: Path) -> None:
    first, second, undisturbed = Rolls(dies=6), Rolls(), Rolls()
    with pytest.raises(Killed):
        whole(first, folder=tmp_path)
    left = state.load(tmp_path, "rolls", 7)
    assert left is not None
    assert left.done == 6
    assert not left.over
    run.run(second.family(), left, folder=tmp_path, say=silent)
    whole(undisturbed)
    assert first.rolled | second.rolled == undisturbed.rolled
    assert list(second.rolled) == [6, 7, 8, 9]


def test_a_failed_case_is_the_same_alone_and_stops_nobody() -> None:
    rolls = Rolls(fails=(3, 5))
    done = whole(rolls)
    assert [(failure.case, failure.text) for failure in done.failures] == [
        (3, "ValueError: not 3"),
        (5, "ValueError: not 5"),
    ]
    assert done.done == 10
    assert rolls.opened == 3  # anew after each
    again = Rolls(fails=(3,))
    assert run.alone(again.family(), 7, 3) == "ValueError: not 3"
    assert again.rolled == {3: rolls.rolled[3]}


def test_a_run_in_which_all_fails_ends_early() -> None:
    assert whole(Rolls(fails=tuple(range(500))), cases=500).done == run.TOO_MANY


def test_memory_that_grows_is_a_failure_where_it_shall_be_flat() -> None:
    assert whole(Rolls(keeps=1 << 19), cases=100, flat=True).failed == 1
    assert whole(Rolls(), cases=100, flat=True).failed == 0
    assert whole(Rolls(keeps=1 << 20), cases=100).failed == 0


def test_the_page_keeps_the_rows_of_others_and_replaces_its_own(tmp_path: Path) -> None:
    page, abouts = tmp_path / "results.md", {"rolls": "a roll", "other": "another"}
    for seed, cases in ((1, 5), (2, 6), (1, 700_000)):
        made = State(
            family="rolls", seed=seed, done=cases, wanted=cases, day="2030-01-02", versions=["orch a", "orch b"]
        )
        results.merge(page, made, abouts)
    found = results.rows_of(page.read_text("utf-8"))
    assert [(row.seed, row.rest[0]) for row in found] == [(1, "700,000"), (2, "6")]
    assert results.page_of(found, abouts) == page.read_text("utf-8")


def test_an_unfinished_run_says_so_on_the_page() -> None:
    assert results.row_of(State(family="rolls", seed=1, done=5, wanted=9)).rest[0] == "5 of 9"
