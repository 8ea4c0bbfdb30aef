"""A stolen master commands nobody: each thing that a thief could say to a real host is said, and refused.

The thief has the master's database, its CURVE secret and its key for proofs of freshness, and stands at its address.
Hosts are judged from outside: their packages by dpkg-query, their files by reading their disks.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import pytest

from orch.common import messages as m
from orch.common.crypto import sha256
from orch.common.report import Outcome
from orch.minion.floor import FloorFile
from tests.lab import author, malice
from tests.lab.fleet import MASTER
from tests.lab.hosts import until
from tests.lab.lab import Lab
from tests.lab.loot import Loot
from tests.lab.siege import ELSEWHERE, HOST, NEIGHBOUR, Siege, Silence, hurry, refusals

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def siege(lab: Lab) -> Iterator[Siege]:
    """Three hosts that hold release 4 under the second policy, and a thief at the centre's address."""
    for name in lab.hosts:
        lab.renew(name)
    made = Siege(lab)
    yield made
    made.end()
    if lab.centre.is_running(MASTER):
        made.fleet.stop_master()
    for host in lab.hosts.values():
        host.power_cut()


@dataclass(frozen=True)
class Case:
    """What the thief says, and what the host's event says about it."""

    name: str
    say: Callable[[Siege], m.Message]
    code: str
    what: str = "release"
    host: str = HOST


CASES = (
    # forged
    Case("forged with a key of the thief's own", malice.signed_by(malice.thief), "bad-signature"),
    Case("forged under the operator's key id", malice.forged_under_the_operators_name, "bad-signature"),
    Case("signed with the master's freshness key", malice.signed_by(lambda siege: siege.loot.fresh), "bad-signature"),
    Case("signed with an operator's login key", malice.signed_by(lambda siege: siege.people.operator.login), "bad-signature"),
    Case("signed with the root key alone", malice.signed_by(lambda siege: siege.people.root), "bad-signature"),
    Case("signed by nobody", lambda siege: malice.delivered(siege.parcel(6, by=())), "bad-signature"),
    Case("no envelope at all", lambda siege: malice.delivered(replace(malice.good(siege), release=b"\xc1")), "malformed"),
    # altered
    Case("a byte of the release altered", malice.altered_body, "bad-signature"),
    Case("a byte of the signature altered", malice.altered_signature, "bad-signature"),
    Case("a byte of the document altered", malice.altered_document, "mislabelled"),
    Case("a byte of the proof altered", malice.altered_proof, "mislabelled"),
    Case("the proof of another place", malice.another_index, "mislabelled"),
    # malice.replayed, older, twice
    Case("an older release replayed", malice.replayed, "rolled-back"),
    Case("an older number newly signed", malice.changed(2), "rolled-back"),
    Case("a number that leaves no room", malice.changed(4_000_000), "rolled-back"),
    Case("two releases under one number", malice.same_number, "equivocation"),
    Case("expired", malice.changed(created=author.now() - 9 * malice.DAY, expires=author.now() - malice.DAY), "expired"),
    Case("a closed epoch", malice.changed(epoch=0), "rolled-back"),
    Case("an epoch that was never opened", malice.changed(epoch=2), "out-of-scope"),
    # wrong scope, too few
    Case("signed by an operator of another scope", malice.signed_by(lambda siege: siege.people.clerk), "out-of-scope"),
    Case("signed by an operator of another ring", malice.signed_by(lambda siege: siege.people.caretaker), "out-of-scope"),
    Case("one signature where two are needed", malice.changed(host=ELSEWHERE), "bad-signature", host=ELSEWHERE),
    Case(
        "one person's two signatures where two people are needed",
        lambda siege: malice.delivered(siege.parcel(6, by=(malice.operator(siege), malice.operator(siege)), name=ELSEWHERE)),
        "bad-signature",
        host=ELSEWHERE,
    ),
    Case(
        "two signatures, one of the thief's",
        lambda siege: malice.delivered(siege.parcel(6, by=(malice.operator(siege), malice.THIEF), name=ELSEWHERE)),
        "bad-signature",
        host=ELSEWHERE,
    ),
    Case("more removals than one person may sign", malice.changed(removals=50), "bad-signature"),
    # returns
    Case("a return of a step that the host never took", malice.return_of(7, lambda _: sha256(b"6")), "unpaired-return"),
    Case("a return of another step 4", malice.return_of(5, lambda _: sha256(b"4")), "unpaired-return"),
    # re-labelled
    Case("another host's document", malice.neighbours, "mislabelled"),
    Case("another host's document with this host's proof", malice.under_another_proof, "mislabelled"),
    Case("a release of another scope", malice.of_another_scope, "mislabelled"),
    Case("a document that was signed for another host", malice.changed(host=NEIGHBOUR), "mislabelled"),
    Case("a document for another key under this host's name", malice.for_another_key, "mislabelled"),
    Case("a release of another estate", malice.changed(estate="elsewhere"), "mislabelled"),
    Case("a plan request as a release", malice.plan_as_release, "mislabelled"),
    Case("a plan request under the name of a release", malice.plan_under_the_name_of_release, "bad-signature"),
    Case("a report as a release", malice.report_as_release, "mislabelled"),
    Case("an order as a release", malice.order_as_release, "mislabelled"),
    Case("a release under the name of an order", malice.release_as_order, "bad-signature", what="order"),
    Case("a release as a plan request", malice.release_as_plan, "mislabelled", what="plan"),
    Case("a release as a policy", malice.release_as_policy, "mislabelled", what="policy"),
    # the rest of what a centre may say
    Case("a policy signed by the thief", malice.policy_by(malice.thief), "bad-signature", what="policy"),
    Case("a policy signed by the old root", malice.policy_by(lambda siege: siege.people.old_root), "bad-signature", "policy"),
    Case("a policy signed by an operator", malice.policy_by(malice.operator), "bad-signature", what="policy"),
    Case("the first policy again", lambda siege: m.PolicySent(version=1, envelope=siege.loot.policies()[0]), "bad-signature", "policy"),
    Case("a policy that skips one", malice.policy_by(lambda siege: siege.people.root, version=4), "mislabelled", "policy"),
    Case("another scope, admitted by the thief", malice.admission_by(malice.thief, scope="school"), "bad-signature", "admission"),
    Case("another ring, admitted by the thief", malice.admission_by(malice.thief, ring="nowhere"), "bad-signature", "admission"),
    Case("another host's admission", malice.neighbours_admission, "mislabelled", what="admission"),
    Case("an admission by one who may not enrol", malice.admission_by(lambda siege: siege.people.clerk, ring="x"), "out-of-scope", "admission"),
    Case("a go of the thief's", malice.go_by_the_thief, "bad-signature", what="go"),
    Case("an order of the thief's", lambda siege: m.Ordered(envelope=malice.an_order(siege, by=malice.THIEF)), "bad-signature", "order"),
    Case(
        "an order for another host",
        lambda siege: m.Ordered(envelope=malice.an_order(siege, by=malice.operator(siege), host=NEIGHBOUR)),
        "mislabelled",
        what="order",
    ),
    Case(
        "a plan request of the thief's",
        lambda siege: malice.asked(malice.planned(siege, number=3, by=malice.THIEF)),
        "bad-signature",
        what="plan",
    ),
)  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_host_refuses_it_says_why_and_stays_what_it_is(siege: Siege, case: Case) -> None:
    siege.meet(case.host)
    before = siege.snapshot(case.host)
    events = siege.offer(case.host, case.say(siege))
    assert refusals(events) == [(case.what, case.code)]
    assert "-taken" not in events
    assert "turn-started" not in events
    assert siege.snapshot(case.host) == before


def test_what_enough_people_signed_is_taken_even_from_a_thief(siege: Siege) -> None:
    """The other side of the table above: it is the signatures that were missing there, and nothing else."""
    thief_, host, curve = siege.meet(ELSEWHERE), siege.host(ELSEWHERE), siege.curve(ELSEWHERE)
    said = len(host.log("executor"))
    both = (siege.people.operator.signing, siege.people.clerk)
    thief_.say(curve, malice.delivered(siege.parcel(6, by=both, name=ELSEWHERE)))
    thief_.serve(lambda: "turn-ended" in host.log("executor")[said:], what="the release to be applied")
    assert "release-taken epoch=1 number=6" in host.log("executor")[said:]
    assert (host.root / "etc/thief").read_text() == "the thief was here\n"


def test_a_stolen_plan_request_is_answered_and_changes_nothing(siege: Siege) -> None:
    thief_, curve = siege.meet(), siege.curve()
    before = siege.snapshot()
    parcel = malice.planned(siege, number=77)
    thief_.say(curve, malice.asked(parcel))
    thief_.serve(lambda: thief_.answer(curve, (77).to_bytes(16, "big")), what="the answer")
    answer = thief_.answer(curve, (77).to_bytes(16, "big"))
    assert answer is not None
    changes = [change.name for step in answer.steps for change in step.changes]
    assert "/etc/thief" in changes
    assert siege.snapshot() == before


def test_a_proof_that_promises_something_newer_changes_nothing(siege: Siege) -> None:
    siege.end()
    host, thief_ = siege.host(), siege.let_in_the_thief()
    thief_.claims_newer = True
    before, said = siege.snapshot(), len(host.log("executor"))
    siege.meet()
    thief_.serve(lambda: " fresh " in host.log("executor")[said:], what="the proof to arrive")
    assert "number=1004" in host.log("executor")[said:]
    assert siege.snapshot() == before


def test_a_clock_that_lies_by_ten_years_stops_changes_only_until_the_master_is_back(siege: Siege) -> None:
    siege.end()
    host, before = siege.host(NEIGHBOUR), siege.snapshot(NEIGHBOUR)
    siege.let_in_the_thief().ahead = 3650 * malice.DAY
    thief_ = siege.meet(NEIGHBOUR)
    thief_.serve(lambda: _permission(siege) == "heal", what="the host to believe it")
    assert refusals(siege.offer(NEIGHBOUR, malice.delivered(malice.good(siege, host=NEIGHBOUR)))) == [
        ("release", "expired")
    ]
    assert siege.snapshot(NEIGHBOUR) == before
    siege.bring_back_the_master()
    hurry(host, siege.lab.network)
    until(lambda: _permission(siege) == "everything", every=0.2, what="the host to be told the time")
    # Who signed it might, and it has not expired: now that the time is right, there is nothing against it.
    until(lambda: _on_site(siege)["number"] == 6, every=0.2, what="the release to be judged once more")
    until(lambda: not _on_site(siege)["doing"] and _on_site(siege)["outcome"], every=0.2, what="its turn to end")


def test_a_clock_that_is_turned_back_makes_no_withheld_release_young(siege: Siege) -> None:
    siege.end()
    before = siege.snapshot(NEIGHBOUR)
    siege.let_in_the_thief().ahead = -malice.DAY
    siege.meet(NEIGHBOUR)
    withheld = malice.good(siege, 8, host=NEIGHBOUR, created=author.now() - 12, expires=author.now() - 10)
    assert refusals(siege.offer(NEIGHBOUR, malice.delivered(withheld))) == [("release", "expired")]
    assert siege.snapshot(NEIGHBOUR) == before


def _permission(siege: Siege) -> str:
    """What the neighbour says on site of what it may do."""
    return str(_on_site(siege)["permission"])


def _on_site(siege: Siege) -> dict[str, object]:
    """What the neighbour says on site."""
    told = siege.fleet.minion(siege.host(NEIGHBOUR), "status", "--output", "json").out
    found: dict[str, object] = json.loads(told)
    return found


def test_a_proof_signed_by_somebody_else_is_none(siege: Siege) -> None:
    siege.end()
    host = siege.host(NEIGHBOUR)
    kept, siege.loot.fresh = siege.loot.fresh, malice.THIEF
    try:
        said = len(host.log("executor"))
        thief_ = siege.meet(NEIGHBOUR)
        thief_.serve(lambda: refusals(host.log("executor")[said:]), what="the refusal")
        assert refusals(host.log("executor")[said:]) == [("fresh", "bad-signature")]
    finally:
        siege.loot.fresh = kept
        siege.end()


def test_what_was_refused_under_the_thief_is_told_to_the_real_master(siege: Siege) -> None:
    siege.offer(NEIGHBOUR, malice.delivered(siege.loot.parcels(NEIGHBOUR)[0].parcel))
    siege.bring_back_the_master()
    hurry(siege.host(NEIGHBOUR), siege.lab.network)

    def told() -> list[str]:
        reports = Loot(siege.fleet.folders.centre).read_reports(NEIGHBOUR)
        return [report.reason.code for report in reports if report.reason and report.outcome is Outcome.REFUSED]

    until(lambda: "rolled-back" in told(), every=0.1, what="the report at the master")
    row = siege.fleet.rows()[NEIGHBOUR]
    assert row["connected"] is True
    assert row["wanted"] == {"epoch": 1, "number": 4}
    assert row["running"] == {"epoch": 1, "number": 6}  # what the thief had from the operator


def test_without_proofs_for_two_days_a_host_heals_itself_and_takes_nothing_new(siege: Siege) -> None:
    thief_, host = siege.let_in_the_thief(), siege.host()
    before = siege.snapshot()
    thief_.proves = False
    host.stop()
    # As it would be two days after the last proof: the wall clock went on, and nobody has proved anything since.
    floor = FloorFile(host.root / "var/lib/orch", Silence())
    found = floor.load()
    for _ in range(2):
        floor.write(replace(found, trusted_time=author.now() - 2 * malice.DAY))
    (host.root / "etc/motd").write_text("somebody was here\n")
    said = len(host.log("executor"))
    try:
        host.start()
        thief_.serve(lambda: siege.snapshot() == before, what="the host to heal itself")
        assert "permission=heal" in host.log("executor")[said:]
        siege.meet()
        assert refusals(siege.offer(HOST, malice.delivered(malice.good(siege)))) == [("release", "not-fresh")]
        assert siege.snapshot() == before
    finally:
        siege.end()
