from __future__ import annotations

import pytest

from orch.common.errors import SettingsError
from orch.minion.failpoint import AFTER_FLOOR, AFTER_STEP, KillAt, NoFailpoints, parse


def test_without_the_variable_nothing_happens_anywhere() -> None:
    assert isinstance(parse(""), NoFailpoints)
    parse("").reached(AFTER_FLOOR)


def test_ends_the_process_at_its_place_and_at_no_other() -> None:
    ended: list[str] = []
    point = KillAt(AFTER_FLOOR, times=2, end=lambda: ended.append("now"))
    point.reached(AFTER_STEP)
    point.reached(AFTER_FLOOR)
    assert ended == []
    point.reached(AFTER_FLOOR)
    assert ended == ["now"]


@pytest.mark.parametrize("text", ["nowhere=kill", f"{AFTER_FLOOR}=sing", AFTER_FLOOR, f"{AFTER_FLOOR}=kill:x"])
def test_a_place_or_an_action_that_there_is_not_is_an_error(text: str) -> None:
    with pytest.raises(SettingsError):
        parse(text)


def test_a_place_may_be_passed_some_times_first() -> None:
    assert isinstance(parse(f"{AFTER_FLOOR}=kill:3"), KillAt)
