"""On a narrow terminal the notes of `orch status` give way, so that a line stays a line."""

from __future__ import annotations

import pytest

from orch.common.rows import Row, View
from orch.master.cli import screens
from orch.master.cli.fleet import Fleet
from orch.master.cli.output import Output
from tests.fakes.clock import ManualClock

WHY = "apt-get update failed: the mirror http://deb.example.org does not answer, and neither do the others"


def shown(width: int) -> list[str]:
    """The line of a site whose host failed."""
    row = Row(
        host="library/lib-srv1",
        curve=bytes(32),
        scope="main",
        ring="pilot",
        connected=True,
        heard=1,
        policy=1,
        wanted=(1, 4),
        running=(1, 2),
        outcome="failed",
        text=WHY,
        reported=1,
    )
    fleet = Fleet(ManualClock())
    fleet.take(View(estate="netgate", policy=1, time=2, since=1, total=1, rows=(row,)))
    return [line for line in screens.status(Output(width=width), fleet, [row]) if "library" in line]


@pytest.mark.parametrize("width", [75, 80, 100])
def test_a_note_is_as_long_as_the_terminal_allows(width: int) -> None:
    [line] = shown(width)
    assert len(line) <= width
    assert "apt-get update" in line


def test_some_words_of_a_note_are_always_left() -> None:
    [line] = shown(40)
    assert "apt-get" in line


def test_on_paper_a_note_has_the_room_of_a_usual_terminal() -> None:
    [line] = shown(0)
    assert line.endswith("deb.example.org ...")
