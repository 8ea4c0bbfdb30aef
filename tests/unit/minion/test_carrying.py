"""A stick instead of the line: taken like what comes by the line, and refused like it."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest

from orch.common import authoring, codec, stick, trust
from orch.common.document import Document
from orch.common.errors import (
    BadSignature,
    Expired,
    Malformed,
    Mislabelled,
    OrchError,
    OutOfScope,
    RolledBack,
    UsageError,
)
from orch.common.identity import IdentityRequest, Revocation
from orch.common.release import Parcel
from orch.common.report import Outcome
from orch.common.stick import Results, Stick
from orch.minion import carrying, enrol
from tests.fakes import signed_estate as estate
from tests.fakes.bench import HOST, Bench, bench, text_file

NEXT = replace(estate.POLICY, version=2)


@pytest.fixture
def host(tmp_path: Path) -> Bench:
    """One that never had a line, started."""
    made = bench(tmp_path)
    made.fetch.error = AssertionError("there is no line")  # type: ignore[assignment]
    made.start()
    return made


def for_(host: Bench, document: Document | None, *, number: int = 2, **changes: object) -> Stick:
    made = Stick(
        estate=estate.ESTATE,
        host=HOST,
        curve=host.me.curve,
        made=estate.NOW,
        policies=(estate.policy_bytes(), estate.policy_bytes(NEXT)),
        admission=estate.admission_bytes(host.me),
    )
    if document is not None:
        made = with_(made, host.release(number, document).parcel(0))
    return replace(made, **changes)  # type: ignore[arg-type]


def with_(made: Stick, parcel: Parcel) -> Stick:
    return replace(made, release=parcel.release, document=parcel.document, proof=parcel.proof)


def on_disk(path: Path, head: Stick, *contents: bytes) -> Path:
    data = io.BytesIO()
    stick.write(data, replace(head, contents=stick.named(contents)), contents)
    path.write_bytes(data.getvalue())
    return path


def brought(host: Bench, made: Stick) -> None:
    host.sent += host.core.desk.take(made)
    host.work()


def outcomes(host: Bench) -> list[tuple[int, Outcome]]:
    return [(report.number, report.outcome) for report in host.reports()]


# --- what it brings


def test_a_host_that_never_had_a_line_comes_up_by_the_stick_alone(host: Bench, tmp_path: Path) -> None:
    document = host.document(packages="dpkg\nnano\n", files=[text_file("/etc/motd", "hi")])
    made = for_(host, document)
    carrying.lay(host.layout, on_disk(tmp_path / "stick", made, b"dpkg\nnano\n"))
    brought(host, made)
    assert host.machine.packages == {"dpkg", "nano"}
    assert host.core.inbox.policy.version == 2
    assert outcomes(host) == [(2, Outcome.APPLIED)]
    assert host.fetch.asked == []
    assert list(host.layout.carried.iterdir()) == []
    host.start()
    assert host.core.inbox.in_force is not None
    assert host.core.inbox.in_force.release.number == 2


def test_nothing_is_removed_until_the_line_proves_that_it_is_the_newest(host: Bench, tmp_path: Path) -> None:
    host.machine.packages.add("old")
    made = for_(host, host.document(packages="nano\n"))
    carrying.lay(host.layout, on_disk(tmp_path / "stick", made, b"nano\n"))
    brought(host, made)
    assert host.machine.packages == {"dpkg", "nano", "old"}
    (report,) = host.reports()
    assert report.outcome is Outcome.WAITING
    assert report.reason is not None
    assert (report.reason.code, "old" in report.reason.text) == ("not-fresh", True)
    assert host.core.answers.status().permission == "heal"
    host.up()
    host.fresh(policy=2)
    host.work()
    assert host.machine.packages == {"dpkg", "nano"}


def test_a_content_that_is_not_what_the_document_names_is_never_used(host: Bench, tmp_path: Path) -> None:
    made = for_(host, host.document(packages="nano\n"))
    path = on_disk(tmp_path / "stick", made, b"nano\n")
    carrying.lay(host.layout, path)
    (laid,) = host.layout.carried.iterdir()
    laid.write_bytes(b"evil\n")
    host.fetch.error = OrchError("there is no line")
    host.core.desk.take(made)
    with pytest.raises(OrchError, match="there is no line"):
        host.core.reconciler.plan_only(*_newest(host))
    assert list(host.layout.carried.iterdir()) == []
    assert list(host.layout.blobs.iterdir()) == []


def _newest(host: Bench) -> tuple[Document, bytes]:
    newest = host.core.inbox.in_force
    assert newest is not None
    return newest.document, newest.document_hash


def test_the_same_stick_again_begins_a_turn_and_takes_nothing(host: Bench) -> None:
    made = for_(host, host.document(files=[text_file("/etc/motd", "hi")]))
    brought(host, made)
    host.machine.files.clear()
    brought(host, made)
    assert host.machine.files
    assert host.core.inbox.in_force is not None


def test_one_without_a_release_lets_the_host_in(host: Bench) -> None:
    brought(host, for_(host, None))
    assert host.core.inbox.admission == host.me
    assert host.reports() == []


def test_one_whose_release_waits_for_its_go_begins_nothing(host: Bench) -> None:
    parcel = host.release(2, host.document(), needs_go=True).parcel(0)
    brought(host, with_(for_(host, None), parcel))
    assert host.core.answers.status().waiting == 2
    assert host.core.inbox.in_force is None


def test_what_the_stick_brought_is_held_when_the_line_comes(host: Bench) -> None:
    brought(host, for_(host, host.document(files=[text_file("/etc/motd", "hi")])))
    host.up()
    host.fresh(policy=2)
    host.deliver(host.release(2, host.document(files=[text_file("/etc/motd", "hi")])))
    host.work()
    assert [report.outcome for report in host.reports()] == [Outcome.APPLIED]


# --- what is refused


def test_an_older_stick_is_refused_as_rolled_back(host: Bench) -> None:
    old = for_(host, host.document(commit="old"))
    brought(host, for_(host, host.document(commit="new"), number=4))
    with pytest.raises(RolledBack, match="release 1:2 is below 1:4"):
        host.core.desk.take(old)
    assert host.core.answers.status().number == 4


def test_an_expired_stick_is_refused(host: Bench) -> None:
    made = for_(host, host.document())
    host.clock.advance(31 * 86400)
    with pytest.raises(Expired):
        host.core.desk.take(made)


def test_a_stick_with_a_revocation_says_so_and_is_not_taken(host: Bench) -> None:
    brought(host, for_(host, None))
    ended = Revocation(estate=estate.ESTATE, host=HOST, curve=host.me.curve, issued=estate.NOW, reason="stolen")
    envelope = authoring.sign_revocation(ended, keys=estate.keys("anna"))
    with pytest.raises(OutOfScope, match=f"the key of {HOST} was revoked: stolen"):
        host.core.desk.take(for_(host, host.document(), revocation=envelope))
    assert host.core.inbox.in_force is None
    by_nobody = authoring.sign_revocation(ended, keys=estate.keys("a stranger"))
    with pytest.raises(BadSignature):
        host.core.desk.take(for_(host, host.document(), revocation=by_nobody))


def test_what_nobody_signed_is_refused(host: Bench) -> None:
    made = for_(host, host.document())
    forged = host.release(4, host.document())
    stranger = estate.release(estate.draft(4), by=("a stranger",)).parcel(0)
    with pytest.raises(BadSignature):
        host.core.desk.take(replace(made, release=stranger.release))
    with pytest.raises(Mislabelled):
        host.core.desk.take(replace(made, release=forged.envelope, document=b"other" + made.document))
    with pytest.raises(BadSignature):
        host.core.desk.take(replace(made, policies=(estate.policy_bytes(NEXT, "anna"),)))
    assert host.core.inbox.in_force is None


def test_another_hosts_stick_says_for_whom_it_is(host: Bench) -> None:
    mine = trust.check_identity_request(enrol.request(host.layout))
    other = estate.request("school/dom0")
    for found, word in (
        (other, "for school/dom0; this is library/dom0"),
        (replace(mine, estate="elsewhere"), "of the estate elsewhere"),
        (replace(mine, curve=bytes(32)), "with another key"),
    ):
        with pytest.raises(Mislabelled, match=word):
            carrying.check_mine(_as(found), mine)
    carrying.check_mine(_as(mine), mine)
    # And who changes the name in its head has not changed what is signed.
    document = estate.document(estate.admission("school/dom0"))
    parcel = estate.release(contents=(codec.encode(document),)).parcel(0)
    brought(host, for_(host, None))
    with pytest.raises(Mislabelled, match="for school/dom0"):
        host.core.desk.take(with_(for_(host, None), parcel))
    with pytest.raises(Mislabelled, match="names other keys"):
        host.core.desk.take(for_(host, None, admission=estate.admission_bytes(estate.admission("school/dom0"))))


def _as(who: IdentityRequest) -> Stick:
    return Stick(estate=who.estate, host=who.host, curve=who.curve, made=0, policies=())


def test_every_flipped_byte_of_a_head_whose_hash_was_made_anew_is_refused_or_harmless(host: Bench) -> None:
    """Whoever alters a stick and knows its form can make its hashes right again; the signatures are not his."""
    made = for_(host, host.document(files=[text_file("/etc/motd", "hi")]), policies=(estate.policy_bytes(NEXT),))
    assert made.proof is not None
    brought(host, made)
    good = host.core.inbox.in_force
    files = dict(host.machine.files)
    data, taken = codec.encode(made), 0
    for at in range(len(data)):
        altered = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
        try:
            brought(host, codec.decode(Stick, altered, limit=stick.LIMIT))
            taken += 1
        except OrchError:
            continue
    assert host.core.inbox.in_force == good
    assert (host.core.inbox.policy, host.core.inbox.admission) == (NEXT, host.me)
    assert host.machine.files == files
    # Harmless are the time for people, the host's name and key for people, and what signatures do not cover.
    assert taken < len(data) // 10


def test_a_lost_floor_takes_no_stick_either(host: Bench) -> None:
    brought(host, for_(host, host.document()))
    for slot in ("floor.a", "floor.b"):
        (host.layout.state / slot).write_bytes(b"")
    host.start()
    with pytest.raises(OrchError) as caught:
        host.core.desk.take(for_(host, host.document(), number=4))
    assert caught.value.code == "floor-lost"


# --- files


def test_nothing_of_a_damaged_file_is_laid(host: Bench, tmp_path: Path) -> None:
    path = on_disk(tmp_path / "stick", for_(host, None), b"one", b"two")
    assert carrying.look(path)[0].host == HOST
    whole = path.read_bytes()
    for data in (whole[:-1], whole + b"x", whole[:-3] + b"TWO", whole[:40], b""):
        path.write_bytes(data)
        with pytest.raises(Malformed, match="stick: "):
            carrying.look(path)
    with pytest.raises(UsageError, match="cannot be read: No such file"):
        carrying.look(tmp_path / "none")
    with pytest.raises(UsageError, match="cannot be read: Is a directory"):
        carrying.look(tmp_path)
    assert not host.layout.carried.exists()


def test_a_newer_file_takes_the_place_of_what_an_older_one_has_left(host: Bench, tmp_path: Path) -> None:
    carrying.lay(host.layout, on_disk(tmp_path / "a", for_(host, None), b"one", b"two"))
    assert len(list(host.layout.carried.iterdir())) == 2
    carrying.lay(host.layout, on_disk(tmp_path / "b", for_(host, None), b"three"))
    (left,) = host.layout.carried.iterdir()
    assert left.read_bytes() == b"three"
    carrying.clear(host.layout)
    assert list(host.layout.carried.iterdir()) == []


def test_results_hold_what_the_host_signed_and_who_it_is(host: Bench, tmp_path: Path) -> None:
    brought(host, for_(host, host.document()))
    reports = host.core.answers.reports(0).reports
    assert len(reports) == 1
    assert host.core.answers.reports(1).reports == ()
    carrying.write_results(tmp_path / "results", enrol.request(host.layout), reports, now=7)
    with (tmp_path / "results").open("rb") as file:
        head, _data = stick.read_head(file, Results)
        assert tuple(stick.read_contents(file, head.contents)) == reports
    assert trust.check_identity_request(head.request).curve == head.curve == host.me.curve
    assert trust.judge_report(host.me, reports[0]).number == 2
    assert host.core.outbox.unsent == (1,)
