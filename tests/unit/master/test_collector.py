"""Reports in order, once, acknowledged after the commit: with a store that fails when it is told to."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orch.common import attest, trust
from orch.common.errors import BadSignature, Malformed, Mislabelled, OrchError, ProtocolError, Refused
from orch.common.merkle import Proof
from orch.common.release import Parcel
from orch.common.report import Outcome, Reason, Report, Trigger
from orch.common.session import Head
from orch.master import queries
from orch.master.collector import LEAST, Collector, Share
from orch.master.publisher import HostLine
from orch.master.records import KeyRecord, ScopeRecord
from orch.master.roster import Roster
from tests.fakes import signed_estate as estate
from tests.fakes.clock import ManualClock
from tests.fakes.store import MemoryReports

ME = estate.admission()


def signed(turn: int, **changes: object) -> bytes:
    made = Report(
        host=ME.host,
        curve=ME.curve,
        boot=bytes(16),
        sequence=turn,
        previous=b"",
        time=estate.NOW,
        trigger=Trigger.TIMER,
        epoch=1,
        number=2,
        release=b"",
        document=b"",
        outcome=Outcome.APPLIED,
    )
    return attest.sign_report(replace(made, **changes), estate.signing(ME.host))  # type: ignore[arg-type]


class Desk:
    """A collector, its store and one host's connection."""

    def __init__(self, *, size: int = 1 << 20) -> None:
        self.clock = ManualClock()
        self.roster = Roster(self.clock, fresh=estate.signing("fresh"), pending=10)
        self.roster.admit(ME, KeyRecord(curve=ME.curve, state="admitted"))
        self.store = MemoryReports()
        self.collector = Collector(self.roster, self.store, self.clock, Share(size=size, keep=200))
        self.line = HostLine(b"p", ME.curve)
        self.acknowledged: list[int] = []
        self.begin_anew: list[bytes] = []
        self.problems: list[OrchError] = []

    def send(self, *sequences: int) -> list[bool]:
        taken = [self.collector.take(self.line, sequence, signed(sequence)) for sequence in sequences]
        self.collector.flush(lambda _curve, sequence: self.acknowledged.append(sequence), self.failed)
        return taken

    def failed(self, err: OrchError, anew: frozenset[bytes]) -> None:
        self.problems.append(err)
        self.begin_anew += anew

    def kept(self) -> list[int]:
        return [item.sequence for item in self.store.kept.get(ME.curve, [])]


def test_acknowledges_nothing_before_the_commit() -> None:
    desk = Desk()
    desk.send(1, 2)
    assert desk.acknowledged == []
    desk.store.commit()
    assert (desk.acknowledged, desk.roster.committed(ME.curve)) == ([2], 2)


def test_takes_a_report_once_that_is_repeated_while_it_is_on_its_way() -> None:
    desk = Desk()
    assert desk.send(1, 1) == [True, False]
    assert desk.send(1, 2) == [False, True]
    desk.store.commit()
    assert desk.kept() == [1, 2]


def test_warns_of_a_lost_floor_until_a_report_asks_nothing_any_more() -> None:
    desk = Desk()
    question = bytes(range(32))
    for turn, changes in enumerate(({"question": question}, {"question": question}, {}), start=1):
        host = desk.roster.hosts[ME.curve]
        if turn == 2:
            host.reset = (question, b"a reset")
        assert desk.collector.take(desk.line, turn, signed(turn, **changes))
        desk.collector.flush(lambda _curve, _sequence: None, desk.failed)
        desk.store.commit()
        assert host.summary is not None
        assert (host.summary.question, bool(host.summary.warning)) == (changes.get("question", b""), turn < 3)
        assert desk.roster.reset(ME.curve) == (b"a reset" if turn == 2 else b"")


def test_leaves_what_comes_too_early_alone() -> None:
    desk = Desk()
    assert desk.send(1, 3, 2, 3) == [True, False, True, True]


def test_takes_the_first_report_of_a_connection_as_the_base_after_a_loss_and_keeps_the_gap() -> None:
    desk = Desk()
    assert desk.send(41, 42) == [True, True]
    desk.store.commit()
    assert [item.gap for item in desk.store.kept[ME.curve]] == [40, 0]


def test_goes_on_where_it_stood_when_the_disk_was_full() -> None:
    desk = Desk()
    desk.send(1)
    desk.store.commit()
    desk.store.full = True
    desk.send(2, 3)
    desk.store.commit()
    assert (desk.acknowledged, len(desk.problems), desk.begin_anew) == ([1], 1, [])
    desk.store.full = False
    assert desk.send(4) == [False]
    assert desk.send(2, 3, 4) == [True, True, True]
    desk.store.commit()
    assert (desk.kept(), desk.acknowledged) == ([1, 2, 3, 4], [1, 4])


def test_lets_nothing_pass_by_a_batch_that_failed() -> None:
    desk = Desk()
    desk.store.full = True
    desk.send(1, 2)
    waiting = desk.store._waiting[:]
    desk.store.commit()
    desk.store.full = False
    assert len(waiting) == 1
    desk.collector._window(ME.curve).upto = 2  # as if these had been taken before the failure was told
    desk.send(3)
    desk.store.commit()
    assert (desk.kept(), desk.acknowledged) == ([], [])


def test_has_a_host_begin_anew_whose_base_was_lost_with_a_failed_batch() -> None:
    desk = Desk()
    desk.store.full = True
    desk.send(41)
    desk.store.commit()
    assert desk.begin_anew == [ME.curve]


def test_lets_a_host_wait_that_has_used_its_share_of_the_hour() -> None:
    desk = Desk(size=5 * LEAST)
    sent = desk.send(*range(1, 20))
    assert True in sent
    assert False in sent
    desk.store.commit()
    first = desk.acknowledged[-1] + 1
    assert desk.send(first) == [False]
    desk.clock.advance(3600)
    assert desk.send(first) == [True]


@pytest.mark.parametrize("changes", [{"curve": bytes(32)}, {"sequence": 9}], ids=["another host", "another turn"])
def test_refuses_a_report_that_speaks_for_another(changes: dict[str, object]) -> None:
    desk = Desk()
    with pytest.raises(ProtocolError):
        desk.collector.take(desk.line, 1, signed(1, **changes))
    assert desk.send(1) == [True]


def test_refuses_more_bytes_than_a_report_has() -> None:
    desk = Desk()
    with pytest.raises(ProtocolError):
        desk.collector.take(desk.line, 1, bytes(600_000))


def reported(desk: Desk, turn: int, **changes: object) -> None:
    assert desk.collector.take(desk.line, turn, signed(turn, **changes))
    desk.collector.flush(lambda _curve, sequence: desk.acknowledged.append(sequence), desk.failed)
    desk.store.commit()


@pytest.mark.parametrize(
    ("refused", "about"),
    [
        ("release", {"number": 4, "release": b"x" * 32}),  # another release than the one it is to have
        ("policy", {}),  # something else altogether, told of the release that it holds
    ],
)
def test_a_refusal_of_something_else_leaves_what_is_known_of_a_host_and_warns(
    refused: str, about: dict[str, object]
) -> None:
    desk = Desk()
    reported(desk, 1)
    reason = Reason(code="bad-signature", text=f"{refused}: signed by nobody known")
    reported(desk, 2, outcome=Outcome.REFUSED, refused=refused, reason=reason, **about)
    summary = desk.roster.hosts[ME.curve].summary
    assert summary is not None
    assert (summary.outcome, summary.number, summary.sequence) == ("applied", 2, 2)
    assert "signed by nobody known" in summary.warning
    reported(desk, 3)
    after = desk.roster.hosts[ME.curve].summary
    assert after is not None
    assert (after.outcome, after.warning) == ("applied", "")


OLD, WANTED = {"number": 2, "release": b"a" * 32}, {"number": 4, "release": b"b" * 32}


def to_have(desk: Desk, release: bytes, number: int) -> None:
    parcel = Parcel(b"", b"", Proof(index=0, path=()))
    head = Head("main", 1, number, release, parcel)
    desk.roster.published(ScopeRecord(scope="main", epoch=1, number=number, release=release), [(ME.curve, head)])


def shown(desk: Desk) -> tuple[str, str, int]:
    row = queries.row(desk.roster, desk.roster.hosts[ME.curve])
    return row.outcome, row.code, row.sequence


@pytest.mark.parametrize(
    ("outcome", "code"), [(Outcome.REFUSED, "expired"), (Outcome.WAITING, "needs-go")], ids=["refused", "waits"]
)
def test_turns_of_the_release_that_a_host_holds_do_not_hide_that_it_has_not_begun_the_newest(
    outcome: Outcome, code: str
) -> None:
    desk = Desk()
    reported(desk, 1, **OLD)
    to_have(desk, b"b" * 32, 4)
    refused = "release" if outcome is Outcome.REFUSED else ""
    reported(desk, 2, outcome=outcome, refused=refused, reason=Reason(code=code, text="why"), **WANTED)
    for turn, held in ((3, Outcome.APPLIED), (4, Outcome.FAILED)):
        reported(desk, turn, outcome=held, listeners=("tcp 0.0.0.0:80 nc",), **OLD)
        assert shown(desk) == (outcome.value, code, turn)
        assert queries.row(desk.roster, desk.roster.hosts[ME.curve]).listeners == ("tcp 0.0.0.0:80 nc",)
    reported(desk, 5, **WANTED)
    assert shown(desk) == ("applied", "", 5)


def test_what_a_host_said_of_an_earlier_release_does_not_outlive_the_next() -> None:
    desk = Desk()
    to_have(desk, b"b" * 32, 4)
    reported(desk, 1, outcome=Outcome.REFUSED, refused="release", reason=Reason(code="expired", text="why"), **WANTED)
    to_have(desk, b"c" * 32, 6)
    reported(desk, 2, **OLD)
    assert shown(desk) == ("", "", 2)
    summary = desk.roster.hosts[ME.curve].summary
    assert summary is not None
    assert (summary.outcome, summary.number) == ("applied", 2)


# --- what somebody carried here


class Carrier:
    """Somebody who hands reports over, and what he is told."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.told: list[tuple[int, int]] = []
        self.problems: list[OrchError] = []

    def hand_over(self, *envelopes: bytes) -> list[tuple[int, int]]:
        self.desk.collector.carry(ME, envelopes, lambda new, upto: self.told.append((new, upto)), self.problems.append)
        self.desk.send()
        self.desk.store.commit()
        return self.told


def test_carried_reports_are_taken_once_and_acknowledged_to_the_host() -> None:
    desk = Desk()
    carrier = Carrier(desk)
    assert carrier.hand_over(signed(1), signed(2)) == [(2, 2)]
    assert carrier.hand_over(signed(1), signed(2), signed(3)) == [(2, 2), (1, 3)]
    assert carrier.hand_over(signed(2)) == [(2, 2), (1, 3), (0, 3)]
    desk.store.commit()
    assert desk.kept() == [1, 2, 3]
    assert desk.acknowledged == [2, 3]


def test_what_the_line_sends_again_after_a_stick_is_recognised() -> None:
    desk = Desk()
    Carrier(desk).hand_over(signed(1), signed(2))
    assert desk.send(1, 2, 3) == [False, False, True]
    desk.store.commit()
    assert desk.kept() == [1, 2, 3]
    assert sum(item.gap for item in desk.store.kept[ME.curve]) == 0


def test_a_stick_that_comes_after_the_line_brings_only_what_the_line_did_not() -> None:
    desk = Desk()
    desk.send(1, 2)
    assert Carrier(desk).hand_over(signed(1), signed(2), signed(3)) == [(1, 3)]
    assert desk.send(3, 4) == [False, True]
    desk.store.commit()
    assert desk.kept() == [1, 2, 3, 4]


def test_a_carrier_cannot_leave_reports_out() -> None:
    desk = Desk()
    desk.send(1)
    for sequences in ((3,), (2, 4), (3, 2)):
        with pytest.raises(Refused, match="is missing before"):
            Carrier(desk).hand_over(*map(signed, sequences))
    assert desk.send(2) == [True]
    desk.store.commit()
    assert desk.kept() == [1, 2]


def test_nothing_of_what_is_handed_over_is_taken_where_one_report_is_not_the_hosts() -> None:
    desk = Desk()
    forged = attest.sign_report(trust.read_report(signed(2)), estate.signing("a stranger"))
    for wrong, error in (
        (forged, BadSignature),
        (signed(2, host="school/dom0"), Mislabelled),
        (signed(2, curve=bytes(32)), Mislabelled),
        (signed(2)[:-1], Malformed),
        (b"", Malformed),
    ):
        with pytest.raises(error):
            Carrier(desk).hand_over(signed(1), wrong)
    desk.store.commit()
    assert desk.kept() == []
    assert Carrier(desk).hand_over(signed(1)) == [(1, 1)]


def test_a_carrier_is_told_where_the_store_fails_and_hands_over_again() -> None:
    desk = Desk()
    carrier = Carrier(desk)
    desk.store.full = True
    assert carrier.hand_over(signed(1)) == []
    assert len(carrier.problems) == 1
    desk.store.full = False
    assert carrier.hand_over(signed(1)) == [(1, 1)]
    desk.store.commit()
    assert desk.kept() == [1]
