from __future__ import annotations

import io

import pytest

from orch.common import events
from orch.common.events import Event, LineLog, line
from tests.fakes.clock import ManualClock

THING = Event("thing", ("number", "text", "hash"))


def test_one_line_an_event_with_its_time() -> None:
    stream = io.StringIO()
    LineLog(stream, ManualClock(wall=1_800_000_000)).write(THING, number=4, hash=bytes(range(32)), text="a b")
    assert stream.getvalue() == '2027-01-15T08:00:00Z thing number=4 text="a b" hash=000102030405\n'


@pytest.mark.parametrize("text", ["two\nlines", 'a "quote"', "", "\x1b[31m", "\x7f", "key=value", "half \ud800"])
def test_no_value_can_break_the_line_or_look_like_another_field(text: str) -> None:
    said = line(THING, {"text": text})
    assert "\n" not in said
    assert not set(said) & {"\x1b", "\x7f"}
    assert said.startswith('thing text="')
    said.encode()


def test_a_long_value_is_cut() -> None:
    assert len(line(THING, {"text": "x" * 1000})) < 350


def test_a_field_that_the_event_does_not_declare_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="colour"):
        line(THING, {"colour": "red"})


def test_no_two_events_have_one_name() -> None:
    names = [value.name for value in vars(events).values() if isinstance(value, Event)]
    assert len(names) == len(set(names))
