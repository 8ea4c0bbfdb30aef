"""`orch wait`: a script goes on when hosts are as it needs them."""

from __future__ import annotations

import json

import pytest

from tests.fakes.operators_centre import FakeCentre
from tests.unit.master.cli.desk import Workplace, err


@pytest.fixture
def applied(place: Workplace) -> FakeCentre:
    centre = place.found("library", "school")
    place.admit("library/srv1", "school/srv1")
    assert place.run("apply", "--yes", *place.unlocked).exit_code == 0
    return centre


def test_ends_at_once_where_all_is_so(place: Workplace, applied: FakeCentre) -> None:
    done = place.run("wait", "--for", "applied", "*")
    assert (done.exit_code, done.stdout) == (0, "2 of 2 hosts: applied\n")


def test_stays_until_the_last_host_is_so(place: Workplace, applied: FakeCentre) -> None:
    school = next(host for host in applied.hosts.values() if host.name == "school/srv1")
    school.connected = False
    ticks = 0

    def comes_back(operation: str) -> None:
        nonlocal ticks
        ticks += operation == "status.tick"
        school.connected = ticks > 40

    applied.on_ask = comes_back
    before = place.clock.boottime()
    done = place.run("wait", "--for", "online", "library,school")
    assert done.exit_code == 0
    assert 40 <= place.clock.boottime() - before < 60


def test_says_which_hosts_are_not_so_when_the_time_is_over(place: Workplace, applied: FakeCentre) -> None:
    school = next(host for host in applied.hosts.values() if host.name == "school/srv1")
    school.connected = False
    done = place.run("wait", "--for", "applied", "*", "--timeout", "30s")
    assert done.exit_code == 4
    assert "school/srv1  ? offline" in done.stdout
    assert "1 of 2 hosts: applied" in done.stdout
    assert "orch explain school/srv1" in err(done)
    told = json.loads(place.run("wait", "--for", "online", "*", "--timeout", "5s", "--output", "json").stdout)
    assert [(item["host"], item["holds"]) for item in told["hosts"]] == [("library/srv1", True), ("school/srv1", False)]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("--for", "convergd", "*"), 'did you mean "converged"?'),
        (("--for", "online", "libary"), "libary"),
        (("library",), "--for"),
    ],
)
def test_a_mistake_is_said_before_anything_is_waited_for(
    place: Workplace, applied: FakeCentre, arguments: tuple[str, ...], text: str
) -> None:
    before = place.clock.boottime()
    done = place.run("wait", *arguments)
    assert done.exit_code == 2
    assert text in err(done)
    assert place.clock.boottime() - before < 2
