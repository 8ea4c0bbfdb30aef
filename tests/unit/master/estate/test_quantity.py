from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orch.master.estate import quantity


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("15m", 900),
        ("30d", 2_592_000),
        ("1.5h", 5400),
        ("daily", 86_400),
        ("0s", 0),
        ("2w", 1_209_600),
        ("8 h", 28_800),
    ],
)
def test_reads_spans_of_time(text: str, seconds: int) -> None:
    assert quantity.seconds(text) == seconds


@pytest.mark.parametrize("text", ["15", "15M", "m", "", "1.5.2h", "-5m", "8Mbit", "1.5s", "15min", "1e3s"])
def test_guesses_no_unit(text: str) -> None:
    assert quantity.seconds(text) is None


def test_keeps_minutes_and_megabytes_apart() -> None:
    minutes, megabytes = quantity.parse("15m"), quantity.parse("15M")
    assert minutes is not None
    assert megabytes is not None
    assert (minutes.dimension, megabytes.dimension) == ("time", "size")


def test_knows_that_two_ways_to_write_a_rate_are_one() -> None:
    assert quantity.parse("1000kbit") == quantity.parse("1Mbit") == quantity.parse("0.001Gbit")


@given(st.integers(0, 10**9))
def test_writes_spans_that_it_reads_back(value: int) -> None:
    assert quantity.seconds(quantity.span(value)) == value
