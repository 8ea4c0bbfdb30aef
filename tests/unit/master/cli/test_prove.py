"""orch status --prove no-inbound: what hosts signed about who listens, and how old that is."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from orch.common import attest
from orch.common.crypto import SigningKey
from orch.common.report import Outcome, Report, Trigger
from tests.fakes.operators_centre import FakeHost
from tests.unit.master.cli.desk import Workplace, err
from tests.unit.master.cli.test_status import applied

RULES = bytes(range(32))


def signed(place: Workplace, host: FakeHost, *listeners: str, key: SigningKey | None = None, **changes: object) -> None:
    """The host reports a turn; its newest report stands first."""
    assert place.centre is not None
    kept = place.centre.reports.setdefault(host.curve.public, [])
    made = Report(
        host=host.name,
        curve=host.curve.public,
        boot=bytes(16),
        sequence=len(kept) + 1,
        previous=b"",
        time=place.clock.wall(),
        trigger=Trigger.TIMER,
        epoch=1,
        number=2,
        release=bytes(32),
        document=bytes(32),
        outcome=Outcome.APPLIED,
        listeners=listeners,
        rules=RULES,
    )
    kept.insert(0, attest.sign_report(replace(made, **changes), key or host.sign))  # type: ignore[arg-type]


@pytest.fixture
def hosts(place: Workplace) -> tuple[FakeHost, FakeHost]:
    place.found("library", "school")
    library, school = place.admit("library/srv1", "school/srv1")
    for host in (library, school):
        signed(place, host)
    place.clock.advance(7200)
    for host in (library, school):
        host.heard = place.clock.wall()
    return library, school


def prove(place: Workplace, *, code: int) -> dict[str, dict[str, object]]:
    done = place.run("status", "--prove", "no-inbound", "--output", "json")
    assert done.exit_code == code, done.output
    return {row["host"]: row for row in json.loads(done.stdout)["hosts"]}


@pytest.mark.usefixtures("hosts")
def test_is_proven_where_every_host_signed_that_nothing_listens(place: Workplace) -> None:
    assert {row["standing"] for row in prove(place, code=0).values()} == {"closed"}
    done = place.run("status", "--prove", "no-inbound")
    assert "proven for 2 of 2 hosts" in done.stdout
    [line] = [line for line in done.stdout.splitlines() if "library/srv1" in line]
    assert "✓ nowhere" in line
    assert "2 h ago" in line
    assert RULES.hex()[:12] in line
    assert "firewalls of 2 hosts: 1 set of rules" in done.stdout
    assert err(done).splitlines()[-1] == "next: orch status"


def test_a_listener_is_red_whatever_the_centre_says(place: Workplace, hosts: tuple[FakeHost, FakeHost]) -> None:
    signed(place, hosts[0], "tcp 0.0.0.0:8000")
    row = prove(place, code=1)["library/srv1"]
    assert (row["standing"], row["listeners"]) == ("open", ["tcp 0.0.0.0:8000"])
    done = place.run("status", "--prove", "no-inbound")
    assert "✗ tcp 0.0.0.0:8000" in done.stdout
    assert "proven for 1 of 2 hosts" in done.stdout
    assert err(done).splitlines()[-1] == "next: orch explain library/srv1"


def test_a_report_with_another_signature_proves_nothing(place: Workplace, hosts: tuple[FakeHost, FakeHost]) -> None:
    signed(place, hosts[0], key=SigningKey.generate())
    row = prove(place, code=1)["library/srv1"]
    assert row["standing"] == "unproven"
    assert "not signed by library/srv1" in str(row["why"])


def test_a_centre_that_contradicts_the_signature_is_said(place: Workplace, hosts: tuple[FakeHost, FakeHost]) -> None:
    centre, curve = place.centre, hosts[0].curve.public
    assert centre is not None
    applied(place)
    centre.rows[curve] = replace(centre.rows[curve], listeners=("tcp 0.0.0.0:22",))
    assert prove(place, code=1)["library/srv1"]["standing"] == "unproven"


def test_a_refusal_says_nothing_of_listeners(place: Workplace, hosts: tuple[FakeHost, FakeHost]) -> None:
    signed(place, hosts[0], "tcp 0.0.0.0:8000")
    signed(place, hosts[0], refused="release", outcome=Outcome.REFUSED)
    assert prove(place, code=1)["library/srv1"]["standing"] == "open"


def test_a_host_that_is_silent_proves_what_was_then(place: Workplace, hosts: tuple[FakeHost, FakeHost]) -> None:
    hosts[1].connected = False
    assert prove(place, code=4)["school/srv1"]["standing"] == "silent"
    assert "held then" in place.run("status", "--prove", "no-inbound").stdout


def test_a_host_that_reported_nothing_or_that_the_files_do_not_know_is_not_proven(place: Workplace) -> None:
    place.found("library", "school")
    place.admit("library/srv1", "school/srv1")
    (place.estate / "hosts/school/srv1.admission").unlink()
    rows = prove(place, code=1)
    assert "reported no turn" in str(rows["library/srv1"]["why"])
    assert "no admission" in str(rows["school/srv1"]["why"])


def test_it_looks_once(place: Workplace) -> None:
    place.found("library")
    done = place.run("status", "--watch", "--prove", "no-inbound")
    assert done.exit_code == 2
    assert "look once" in err(done)


def test_firewalls_that_differ_or_are_not_known_are_counted(place: Workplace, hosts: tuple[FakeHost, FakeHost]) -> None:
    signed(place, hosts[0], rules=bytes(32))
    rows = prove(place, code=0)
    assert [rows[name]["rules"] for name in ("library/srv1", "school/srv1")] == ["00" * 32, RULES.hex()]
    assert "firewalls of 2 hosts: 2 sets of rules" in place.run("status", "--prove", "no-inbound").stdout
    signed(place, hosts[0], rules=b"")
    assert prove(place, code=0)["library/srv1"]["rules"] is None
    assert "1 set of rules; unknown of 1" in place.run("status", "--prove", "no-inbound").stdout
