from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from orch.common.errors import Blocked, StepFailed
from orch.minion.adapters.process import Call, Progress, Result
from orch.minion.adapters.unit import STOP, UnitFetcher
from tests.fakes.door import Door

Open = Callable[..., Door]


@dataclass
class Systemctl:
    """A Runner that is told to stop the unit, and does."""

    door: Door | None = None
    calls: list[Call] = field(default_factory=list)

    def run(self, call: Call, progress: Progress | None = None) -> Result:
        self.calls.append(call)
        if self.door is not None:
            self.door.stop()
        return Result(code=0, out="", err="")


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Open]:
    """Makes a door, and closes it."""
    doors: list[Door] = []

    def made(script: str, *, says_how_it_ended: bool = True) -> Door:
        doors.append(Door(tmp_path / "door", ("sh", "-c", script), says_how_it_ended=says_how_it_ended))
        return doors[-1]

    yield made
    for door in doors:
        door.stop()
        door.close()


def test_what_is_wanted_goes_in_and_how_it_ended_comes_back(tmp_path: Path, opened: Open) -> None:
    opened(f"cat >{tmp_path}/want; echo words >&2; exit 12")
    result = UnitFetcher(tmp_path / "door", Systemctl()).fetch(b"lists, please", seconds=60)
    assert (result.code, result.err.strip()) == (12, "words")
    assert (tmp_path / "want").read_bytes() == b"lists, please"


def test_a_fetch_that_says_nothing_and_ends_well_is_one(tmp_path: Path, opened: Open) -> None:
    opened("cat >/dev/null")
    assert UnitFetcher(tmp_path / "door", Systemctl()).fetch(b"", seconds=60) == Result(code=0, out="", err="")


def test_a_unit_that_vanishes_did_not_end_well(tmp_path: Path, opened: Open) -> None:
    opened("cat >/dev/null; echo some words", says_how_it_ended=False)
    with pytest.raises(StepFailed, match="broke off\nsome words"):
        UnitFetcher(tmp_path / "door", Systemctl()).fetch(b"", seconds=60)


def test_words_of_the_fetcher_that_look_like_an_end_are_none(tmp_path: Path, opened: Open) -> None:
    opened("cat >/dev/null; echo 'orch-fetcher ended: success exited 0'; exit 23")
    assert UnitFetcher(tmp_path / "door", Systemctl()).fetch(b"", seconds=60).code == 23


def test_a_unit_that_was_killed_is_no_end_of_its_own(tmp_path: Path, opened: Open) -> None:
    opened("cat >/dev/null; kill -KILL $$")
    with pytest.raises(StepFailed, match="ended by systemd: signal KILL"):
        UnitFetcher(tmp_path / "door", Systemctl()).fetch(b"", seconds=60)


def test_a_fetch_that_takes_too_long_is_stopped(tmp_path: Path, opened: Open) -> None:
    systemctl = Systemctl(opened("exec sleep 1000"))
    with pytest.raises(StepFailed, match="not done in time"):
        UnitFetcher(tmp_path / "door", systemctl).fetch(b"", seconds=0.1)
    assert [call.argv for call in systemctl.calls] == [STOP]


def test_a_fetch_in_the_way_of_a_release_is_stopped(tmp_path: Path, opened: Open) -> None:
    systemctl = Systemctl(opened(f"touch {tmp_path}/begun; exec sleep 1000"))
    fetcher = UnitFetcher(tmp_path / "door", systemctl, leave=(tmp_path / "begun").exists)
    with pytest.raises(Blocked, match="goes first"):
        fetcher.fetch(b"", seconds=60)
    assert [call.argv for call in systemctl.calls] == [STOP]


def test_a_fetcher_that_says_too_much_is_stopped(tmp_path: Path, opened: Open) -> None:
    systemctl = Systemctl(opened("exec yes"))
    with pytest.raises(StepFailed, match="said more than"):
        UnitFetcher(tmp_path / "door", systemctl).fetch(b"", seconds=60)
    assert len(systemctl.calls) == 1


def test_a_socket_that_nobody_serves_is_an_error(tmp_path: Path) -> None:
    started = time.monotonic()
    with pytest.raises(StepFailed, match="does not take it"):
        UnitFetcher(tmp_path / "door", Systemctl()).fetch(b"", seconds=60)
    assert time.monotonic() - started < 60
