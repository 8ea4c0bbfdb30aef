"""`orch audit`: the record of decisions, from the centre or from a file, believed as far as it is signed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from orch.common import attest
from orch.common.crypto import SigningKey, sha256
from orch.common.envelope import open_envelope
from orch.common.report import TYPE, Outcome, Report, Trigger
from tests.fakes.operators_centre import FakeCentre, FakeHost
from tests.unit.master.cli.desk import Workplace, err


@pytest.fixture
def history(place: Workplace) -> FakeCentre:
    centre = place.found("library", "school")
    place.admit("library/srv1", "school/srv1")
    assert place.run("apply", "--yes", "--note", "the first", *place.unlocked).exit_code == 0
    place.clock.advance(60)
    done = place.run("key", "revoke", "school/srv1", "--reason", "stolen", "--yes", *place.unlocked)
    assert done.exit_code == 0, done.output
    return centre


def report(host: FakeHost, sequence: int, previous: bytes = b"", *, key: SigningKey | None = None) -> bytes:
    made = Report(
        host=host.name,
        curve=host.curve.public,
        boot=bytes(16),
        sequence=sequence,
        previous=previous,
        time=1_800_000_000,
        trigger=Trigger.TIMER,
        epoch=1,
        number=2,
        release=bytes(32),
        document=bytes(32),
        outcome=Outcome.APPLIED,
        steps=(),
    )
    return attest.sign_report(made, key or host.sign)


def body_hash(envelope: bytes) -> bytes:
    return sha256(open_envelope(envelope, type=TYPE, limit=1 << 20).body)


def test_the_log_tells_who_decided_what_in_order(place: Workplace, history: FakeCentre) -> None:
    done = place.run("audit", "log")
    assert done.exit_code == 0, done.output
    told = [line.split(None, 1)[1] for line in done.stdout.splitlines()]
    assert told[0].startswith("policy")
    assert "library/srv1 let in: scope main" in done.stdout
    assert "release 1:2 of main for 2 hosts, the first" in done.stdout
    assert told[-1].startswith("revocation")
    assert told[-1].endswith("school/srv1 revoked: stolen")


def test_the_log_can_be_narrowed(place: Workplace, history: FakeCentre) -> None:
    found = json.loads(place.run("audit", "log", "--kind", "release", "--output", "json").stdout)
    assert [(item["kind"], item["by"]) for item in found["entries"]] == [("release", ["anna"])]
    place.clock.advance(3600)
    assert "nothing was decided" in place.run("audit", "log", "--since", "10m").stdout


def test_what_a_centre_made_up_is_not_believed(place: Workplace, history: FakeCentre) -> None:
    history.releases.append(history.policies[0])
    done = place.run("audit", "log")
    assert done.exit_code == 5
    assert "✗" in done.stdout
    assert place.run("audit", "verify").exit_code == 5


def test_a_record_is_verified_without_the_centre(place: Workplace, history: FakeCentre, tmp_path: Path) -> None:
    file = tmp_path / "record"
    done = place.run("audit", "export", str(file))
    assert done.exit_code == 0, done.output
    history.reachable = False
    assert place.run("audit", "verify", "--file", str(file)).exit_code == 0
    assert "school/srv1 revoked: stolen" in place.run("audit", "log", "--file", str(file)).stdout
    lines = file.read_text().splitlines()
    file.write_text("\n".join([lines[0], lines[1], lines[2][:-9]]) + "\n")
    damaged = place.run("audit", "verify", "--file", str(file))
    assert damaged.exit_code == 2
    assert f"{file}:3: this line is not as it was written" in err(damaged)
    file.write_text("\n".join([lines[0], "[" * 9999]) + "\n")
    assert f"{file}:2: this line is not as it was written" in err(place.run("audit", "verify", "--file", str(file)))
    file.write_text("[" * 9999)
    assert "this is no record" in err(place.run("audit", "verify", "--file", str(file)))
    file.write_text("hello\n")
    assert "orch audit export" in err(place.run("audit", "verify", "--file", str(file)))


def test_reports_are_followed_one_by_one(place: Workplace, history: FakeCentre) -> None:
    library = next(host for host in history.hosts.values() if host.name == "library/srv1")
    made = [report(library, 1)]
    for sequence in range(2, 8):
        made.append(report(library, sequence, body_hash(made[-1])))
    history.reports[library.curve.public] = made[::-1]
    done = place.run("audit", "verify")
    assert done.exit_code == 0, done.output
    assert "7 reports of 1 host " in done.stdout
    made[3] = report(library, 4, body_hash(made[2]), key=SigningKey.generate())
    history.reports[library.curve.public] = made[::-1]
    forged = place.run("audit", "verify")
    assert forged.exit_code == 5
    assert "library/srv1: the report after 3: the report is not signed by library/srv1" in forged.stdout


def test_a_host_that_the_centre_does_not_know_is_a_finding_and_stops_nothing(
    place: Workplace, history: FakeCentre
) -> None:
    library = next(host for host in history.hosts.values() if host.name == "library/srv1")
    del history.admissions[library.curve.public]
    done = place.run("audit", "verify")
    assert done.exit_code == 5
    assert "library/srv1: the centre knows no host library/srv1" in done.stdout
    assert "decisions are signed" in done.stdout
