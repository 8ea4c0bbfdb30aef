"""orch events: what hosts reported, in the order of their clocks, and what the centre sees as it happens."""

from __future__ import annotations

import json

import pytest

from orch.common.crypto import SigningKey
from orch.common.report import Outcome, Reason
from tests.fakes.operators_centre import FakeHost
from tests.unit.master.cli.desk import Workplace, err
from tests.unit.master.cli.test_prove import signed
from tests.unit.master.cli.test_status import applied


@pytest.fixture
def hosts(place: Workplace) -> tuple[FakeHost, FakeHost]:
    place.found("library", "school")
    library, school = place.admit("library/srv1", "school/srv1")
    signed(place, library)
    place.clock.advance(60)
    broken = Reason(code="step-failed", text="apt said no\nand more")
    signed(place, school, outcome=Outcome.FAILED, reason=broken)
    place.clock.advance(60)
    signed(place, library, "tcp 0.0.0.0:22", key=SigningKey.generate(), drift=True)
    return library, school


@pytest.mark.usefixtures("hosts")
def test_tells_what_was_reported_the_newest_last_and_what_no_host_signed(place: Workplace) -> None:
    done = place.run("events")
    assert done.exit_code == 0, done.output
    first, second, third = done.stdout.splitlines()
    assert "library/srv1  ✓ applied  1:2 (timer)" in first
    assert "school/srv1  ✗ failed  1:2 (timer), apt said no" in second
    assert "and more" not in second
    assert "somebody had changed the host, listens: tcp 0.0.0.0:22" in third
    assert "not signed by the host's key" in third
    assert place.run("events", "--most", "1").stdout == third + "\n"
    assert "school" not in place.run("events", "library").stdout


@pytest.mark.usefixtures("hosts")
def test_gives_a_script_a_line_for_each(place: Workplace) -> None:
    told = [json.loads(line) for line in place.run("events", "--output", "json").stdout.splitlines()]
    assert [item["what"] for item in told] == ["applied", "failed", "applied"]
    assert [item["signed"] for item in told] == [True, True, False]
    assert {item["schema"] for item in told} == {"orch/event/1"}


def test_follows_what_happens(place: Workplace) -> None:
    centre = place.found("library", "school")
    library, _school = place.admit("library/srv1", "school/srv1")
    applied(place)
    centre.ticks = 4
    states = iter([False, True])

    def go(operation: str) -> None:
        if operation == "status.tick":
            library.connected = next(states, True)

    centre.on_ask = go
    done = place.run("events", "-f")
    assert done.exit_code == 130
    assert [line.split()[2:4] for line in done.stdout.splitlines()[-2:]] == [["?", "silent"], ["✓", "back"]]


def test_says_when_there_is_nothing(place: Workplace) -> None:
    place.found("library")
    done = place.run("events")
    assert done.exit_code == 0
    assert done.stdout == ""
    assert "nothing was reported yet" in err(done)
