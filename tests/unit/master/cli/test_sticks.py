"""`orch doc export`, `orch import-results`, `orch key accept --request`: the operator's side of a stick."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest

from orch.common import attest, codec, stick, trust
from orch.common.document import LIMIT, Document
from orch.common.report import Outcome, Report, Trigger
from orch.common.stick import Results, Stick
from orch.minion.materials import needed
from tests.fakes.operators_centre import FakeCentre, FakeHost
from tests.unit.master.cli.desk import ESTATE, SITE, Workplace, err, words

BIG = 'content: "hello from {name}\\n"'


@pytest.fixture
def told(place: Workplace) -> FakeCentre:
    """A library and a school that were told something; the library has a file too large to be in a document."""
    centre = place.found("library", "school")
    (place.estate / "files").mkdir(exist_ok=True)
    (place.estate / "files" / "big").write_text("a" * 20_000)
    place.site("library", SITE.replace(BIG, "source: big"))
    place.admit("library/srv1", "school/srv1")
    assert place.run("apply", "--yes", *place.unlocked).exit_code == 0
    return centre


def read(path: Path) -> tuple[Stick, tuple[bytes, ...]]:
    with path.open("rb") as file:
        head, _data = stick.read_head(file, Stick)
        return head, tuple(stick.read_contents(file, head.contents))


def host_of(centre: FakeCentre, name: str) -> FakeHost:
    return next(host for host in centre.hosts.values() if host.name == name)


def test_one_host_goes_into_a_file_with_all_that_it_needs(place: Workplace, told: FakeCentre, tmp_path: Path) -> None:
    done = place.run("doc", "export", "library", str(tmp_path / "stick"))
    assert done.exit_code == 0, done.output
    assert "library/srv1: release 1:2" in done.stdout
    assert "packages are not in it" in err(done)
    head, contents = read(tmp_path / "stick")
    host = host_of(told, "library/srv1")
    assert (head.estate, head.host, head.curve) == (ESTATE, host.name, host.curve.public)
    pin = bytes.fromhex((place.home / ESTATE / "pin").read_text())
    assert trust.take_policy(None, head.policies[0], pinned=pin) == told.policy
    assert head.admission == told.admissions[host.curve.public]
    assert head.parcel == told.past[host.curve.public][0][1]
    document = codec.decode(Document, head.document, limit=LIMIT)
    assert {item.sha256 for item in head.contents} == set(needed(document))
    assert b"a" * 20_000 in contents


def test_several_hosts_go_into_a_folder_one_file_each(place: Workplace, told: FakeCentre, tmp_path: Path) -> None:
    done = place.run("doc", "export", "*", str(tmp_path / "out"))
    assert done.exit_code == 0, done.output
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["library+srv1.orch", "school+srv1.orch"]
    (tmp_path / "file").write_text("")
    refused = place.run("doc", "export", "*", str(tmp_path / "file"))
    assert refused.exit_code == 2
    assert "2 hosts are meant" in err(refused)


def test_a_content_that_the_files_no_longer_have_is_said(place: Workplace, told: FakeCentre, tmp_path: Path) -> None:
    (place.estate / "files" / "big").write_text("b" * 20_000)
    done = place.run("doc", "export", "*", str(tmp_path / "out"))
    assert done.exit_code == 1
    assert "left out: library/srv1: your files no longer have, as it was signed: file /etc/motd" in err(done)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["school+srv1.orch"]
    alone = place.run("doc", "export", "library", str(tmp_path / "stick"))
    assert alone.exit_code == 2
    assert "orch apply" in err(alone)
    assert not (tmp_path / "stick").exists()


def test_what_the_centre_altered_is_not_written(place: Workplace, told: FakeCentre, tmp_path: Path) -> None:
    curve = host_of(told, "library/srv1").curve.public
    name, parcel = told.past[curve][0]
    told.past[curve] = [(name, replace(parcel, document=parcel.document[:-1] + b"x"))]
    done = place.run("doc", "export", "library", str(tmp_path / "stick"))
    assert done.exit_code == 2
    assert "not among those that were signed" in err(done)
    assert not (tmp_path / "stick").exists()


def test_a_release_that_the_host_would_refuse_is_not_written(
    place: Workplace, told: FakeCentre, tmp_path: Path
) -> None:
    place.clock.advance(400 * 86400)
    done = place.run("doc", "export", "school", str(tmp_path / "stick"))
    assert done.exit_code == 2
    assert "expired" in err(done)
    assert "orch apply school/srv1 --again" in err(done)


def test_a_host_without_a_release_gets_its_admission(place: Workplace, tmp_path: Path) -> None:
    place.found("library")
    place.admit("library/srv1")
    done = place.run("doc", "export", "library", str(tmp_path / "stick"))
    assert done.exit_code == 0, done.output
    assert "no release: none names it yet" in done.stdout
    head, contents = read(tmp_path / "stick")
    assert (head.parcel, contents, bool(head.admission)) == (None, (), True)


def test_a_revoked_host_is_told_that_and_nothing_else(place: Workplace, told: FakeCentre, tmp_path: Path) -> None:
    assert place.run("key", "revoke", "library/srv1", "--yes", *place.unlocked).exit_code == 0
    done = place.run("doc", "export", "library", str(tmp_path / "stick"))
    assert done.exit_code == 0, done.output
    assert "its revocation" in done.stdout
    head, _contents = read(tmp_path / "stick")
    assert (bool(head.revocation), head.admission, head.parcel) == (True, b"", None)


def test_who_is_not_admitted_is_left_out(place: Workplace, tmp_path: Path) -> None:
    place.found("library")
    done = place.run("doc", "export", "library", str(tmp_path / "stick"))
    assert done.exit_code == 2
    assert "library/srv1 is not admitted" in err(done)


# --- what comes back


def report(host: FakeHost, sequence: int) -> bytes:
    made = Report(
        host=host.name,
        curve=host.curve.public,
        boot=bytes(16),
        sequence=sequence,
        previous=b"",
        time=1,
        trigger=Trigger.RELEASE,
        epoch=1,
        number=2,
        release=b"",
        document=b"",
        outcome=Outcome.APPLIED,
    )
    return attest.sign_report(made, host.sign)


def results(path: Path, host: FakeHost, *reports: bytes) -> Path:
    data = io.BytesIO()
    head = Results(
        estate=host.estate,
        host=host.name,
        curve=host.curve.public,
        made=1,
        request=host.request,
        contents=stick.named(reports),
    )
    stick.write(data, head, reports)
    path.write_bytes(data.getvalue())
    return path


def test_reports_are_handed_over_and_counted_once(place: Workplace, told: FakeCentre, tmp_path: Path) -> None:
    host = host_of(told, "library/srv1")
    path = results(tmp_path / "results", host, report(host, 1), report(host, 2))
    done = place.run("import-results", str(path))
    assert done.exit_code == 0, done.output
    assert "library/srv1: 2 new; the centre has all up to number 2" in done.stdout
    again = place.run("import-results", str(path))
    assert "0 new, 2 were there already" in again.stdout
    assert len(told.reports[host.curve.public]) == 2


def test_a_file_that_is_not_what_it_should_be_is_refused_before_the_centre_is_asked(
    place: Workplace, told: FakeCentre, tmp_path: Path
) -> None:
    host = host_of(told, "library/srv1")
    path = results(tmp_path / "results", host, report(host, 1))
    whole, asked = path.read_bytes(), len(told.asked)
    other = FakeHost("library/srv1", "elsewhere")
    for data, word in (
        (whole[:-1], "ends too early"),
        (whole[:-1] + b"x", "content 1 of 1 is not what was written"),
        (b"PK\x03\x04", "no orch/results/1 file"),
        (results(tmp_path / "other", other).read_bytes(), "of the estate elsewhere"),
    ):
        path.write_bytes(data)
        done = place.run("import-results", str(path))
        assert (done.exit_code, word in err(done)) == (2, True), err(done)
    assert len(told.asked) == asked


def test_a_report_that_another_host_signed_is_refused(place: Workplace, told: FakeCentre, tmp_path: Path) -> None:
    host, other = host_of(told, "library/srv1"), host_of(told, "school/srv1")
    forged = replace(host, sign=other.sign)
    done = place.run("import-results", str(results(tmp_path / "results", host, report(forged, 1))))
    assert done.exit_code == 5
    assert "not signed by library/srv1" in err(done)


def test_a_host_that_never_had_a_line_is_let_in_by_its_file(place: Workplace, tmp_path: Path) -> None:
    centre = place.found("library")
    host = FakeHost("library/srv1", ESTATE)
    path = results(tmp_path / "results", host)
    centre.hosts[host.curve.public] = host
    assert place.run("key", "accept", "library/srv1", "--words", words(host), *place.unlocked).exit_code == 2
    wrong = place.run("key", "accept", "library/srv1", "--words", "no", "--request", str(path), *place.unlocked)
    assert wrong.exit_code == 5
    done = place.run("key", "accept", "library/srv1", "--words", words(host), "--request", str(path), *place.unlocked)
    assert done.exit_code == 0, done.output
    assert centre.states[host.curve.public] == "admitted"
    none = place.run("import-results", str(path))
    assert "no report is in its file" in none.stdout


def test_a_folder_that_is_not_there_is_most_likely_a_slip(place: Workplace, tmp_path: Path) -> None:
    place.found("library")
    place.admit("library/srv1")
    for verb in (("doc", "export", "library"), ("audit", "export")):
        done = place.run(*verb, str(tmp_path / "no/such/file"))
        assert done.exit_code == 2, verb
        assert "there is no folder" in err(done)
        assert not (tmp_path / "no").exists()
