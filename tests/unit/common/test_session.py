"""Who may say what when, at both ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest

from orch.common import messages as m
from orch.common.errors import ProtocolError
from orch.common.release import Parcel, Proof
from orch.common.session import (
    BEAT,
    REDELIVER,
    REPEAT,
    WINDOW,
    Answer,
    CentreSession,
    CheckFresh,
    Cut,
    Forget,
    Head,
    Heard,
    Held,
    HostSession,
    Known,
    Relay,
    Requested,
    Say,
    SendReports,
    Standing,
    StoreReport,
    Take,
)
from tests.fakes.clock import CountingChance

CURVE = b"c" * 32
PARCEL = Parcel(b"release", b"document", Proof(0, ()))
HELD = Held(
    boot=b"b" * 16, policy=1, admission=1, scope="main", epoch=1, number=2, release=b"r" * 32, sequence=3, unsent=(),
    request=b"me",
)  # fmt: skip
HELLO = m.Hello(
    protocol=1, lowest=1, boot=b"b" * 16, nonce=b"n" * 16, policy=1, admission=1,
    scope="main", epoch=1, number=2, release=b"r" * 32, sequence=3, request=b"me",
)  # fmt: skip
ASK = m.Ask(nonce=b"o" * 16, policy=1, scope="main", epoch=1, number=2, release=b"r" * 32)


@dataclass
class Centre:
    """What the centre knows, as a test says."""

    standing: Known = Known.ADMITTED
    policies: list[tuple[int, bytes]] = field(default_factory=lambda: [(1, b"p1")])
    admitted: tuple[int, bytes] = (1, b"a1")
    newest: Head | None = None
    back: bytes = b""
    done: int = 3

    def known(self, curve: bytes) -> Known:
        assert curve == CURVE
        return self.standing

    def policies_after(self, version: int) -> Sequence[tuple[int, bytes]]:
        return [item for item in self.policies if item[0] > version]

    def admission(self, curve: bytes) -> tuple[int, bytes]:
        assert curve == CURVE
        return self.admitted

    def head(self, curve: bytes) -> Head | None:
        assert curve == CURVE
        return self.newest

    def reset(self, curve: bytes) -> bytes:
        assert curve == CURVE
        return self.back

    def committed(self, curve: bytes) -> int:
        assert curve == CURVE
        return self.done

    def prove(self, curve: bytes, nonce: bytes) -> bytes:
        assert curve == CURVE
        return b"fresh " + nonce


def said(effects: Sequence[object]) -> list[m.Message]:
    return [effect.message for effect in effects if isinstance(effect, Answer | Say)]


def tags(effects: Sequence[object]) -> list[str]:
    return [message.TAG for message in said(effects)]


def greeted(centre: Centre, hello: m.Hello = HELLO) -> CentreSession:
    session = CentreSession(CURVE)
    session.received(hello, centre, 0.0)
    return session


def connected(held: Held = HELD) -> HostSession:
    session = HostSession(CountingChance())
    session.connected(held, 0.0)
    return session


class TestAReset:
    def test_goes_before_the_proof_and_the_release_and_once_a_connection(self) -> None:
        centre = Centre(newest=Head("main", 1, 4, b"x", PARCEL), back=b"reset")
        session = CentreSession(CURVE)
        assert tags(session.received(HELLO, centre, 0.0)) == ["reset", "fresh", "release", "ack"]
        assert tags(session.received(ASK, centre, 1.0)) == ["fresh"]

    def test_that_comes_in_between_has_the_release_sent_again_at_the_next_question(self) -> None:
        centre = Centre(newest=Head("main", 1, 4, b"x", PARCEL))
        session = greeted(centre)
        centre.back = b"reset"
        assert tags(session.changed(centre, 1.0)) == ["reset"]
        assert tags(session.received(replace(ASK, epoch=0, number=0, release=b""), centre, 2.0)) == ["fresh", "release"]

    def test_is_taken_by_the_host(self) -> None:
        message = m.ResetSent(envelope=b"reset")
        assert connected().received(message, HELD, 0.0) == [Take(message)]


class TestTheCentresEnd:
    def test_answers_a_hello_with_all_that_the_host_lacks_and_in_order(self) -> None:
        centre = Centre(
            policies=[(1, b"p1"), (2, b"p2"), (3, b"p3")], admitted=(4, b"a4"), newest=Head("main", 1, 4, b"x", PARCEL)
        )
        effects = CentreSession(CURVE).received(HELLO, centre, 0.0)
        assert tags(effects) == ["policy", "policy", "admitted", "fresh", "release", "ack"]
        assert effects[0] == Heard(scope="main", epoch=1, number=2, release=b"r" * 32, policy=1, sequence=3)

    def test_proves_freshness_for_the_nonce_of_the_hello(self) -> None:
        effects = CentreSession(CURVE).received(HELLO, Centre(), 0.0)
        assert m.Freshness(envelope=b"fresh " + b"n" * 16) in said(effects)

    def test_gives_a_stranger_nothing_but_pending(self) -> None:
        effects = CentreSession(CURVE).received(HELLO, Centre(standing=Known.STRANGER), 0.0)
        assert effects == [Requested(b"me"), Answer(m.Pending())]

    def test_keeps_the_request_of_a_waiting_key_only_once(self) -> None:
        assert CentreSession(CURVE).received(HELLO, Centre(standing=Known.PENDING), 0.0) == [Answer(m.Pending())]

    def test_says_pending_to_a_waiting_key_that_asks_again(self) -> None:
        centre = Centre(standing=Known.PENDING)
        assert greeted(centre).received(ASK, centre, 1.0) == [Answer(m.Pending())]

    def test_cuts_a_waiting_key_that_sends_a_report(self) -> None:
        centre = Centre(standing=Known.PENDING)
        [effect] = greeted(centre).received(m.Reported(sequence=1, envelope=b"x"), centre, 1.0)
        assert isinstance(effect, Cut)

    def test_denies_and_cuts_a_revoked_key(self) -> None:
        effects = CentreSession(CURVE).received(HELLO, Centre(standing=Known.REVOKED), 0.0)
        assert effects == [Answer(m.Denied(reason="revoked")), Cut("revoked")]

    def test_denies_a_version_that_it_does_not_speak(self) -> None:
        effects = CentreSession(CURVE).received(replace(HELLO, protocol=9, lowest=9), Centre(), 0.0)
        assert tags(effects) == ["denied"]
        assert isinstance(effects[-1], Cut)

    def test_cuts_whoever_speaks_before_hello(self) -> None:
        assert CentreSession(CURVE).received(ASK, Centre(), 0.0) == [Cut("ask before hello")]

    def test_cuts_whoever_says_hello_twice(self) -> None:
        centre = Centre()
        assert greeted(centre).received(HELLO, centre, 0.0) == [Cut("hello twice")]

    @pytest.mark.parametrize("message", [m.Pending(), m.Acknowledged(sequence=1), m.StreamCredit(pieces=1)])
    def test_cuts_a_host_that_says_what_hosts_do_not_say(self, message: m.Message) -> None:
        centre = Centre()
        assert greeted(centre).received(message, centre, 0.0) == [Cut(f"a host does not say {message.TAG}")]

    def test_pushes_a_new_release_at_once(self) -> None:
        centre = Centre()
        session = greeted(centre)
        centre.newest = Head("main", 1, 4, b"x" * 32, PARCEL)
        assert tags(session.changed(centre, 1.0)) == ["release"]

    def test_does_not_push_what_the_host_has(self) -> None:
        centre = Centre(newest=Head("main", 1, 2, b"r" * 32, PARCEL))
        assert greeted(centre).changed(centre, 1.0) == []

    def test_does_not_push_what_is_older_than_what_the_host_has(self) -> None:
        centre = Centre(newest=Head("main", 1, 1, b"q" * 32, PARCEL))
        assert greeted(centre).changed(centre, 1.0) == []

    def test_sends_a_release_that_the_host_does_not_take_only_now_and_then(self) -> None:
        centre = Centre(newest=Head("main", 1, 4, b"x" * 32, PARCEL))
        session = greeted(centre)
        assert tags(session.received(ASK, centre, 1.0)) == ["fresh"]
        assert tags(session.received(ASK, centre, REDELIVER + 1)) == ["fresh", "release"]

    def test_sends_another_content_under_the_same_number_so_that_the_host_can_raise_the_alarm(self) -> None:
        centre = Centre(newest=Head("main", 1, 2, b"other" * 6 + b"xx", PARCEL))
        assert "release" in tags(CentreSession(CURVE).received(HELLO, centre, 0.0))

    def test_lets_a_waiting_host_in_without_a_new_connection(self) -> None:
        centre = Centre(standing=Known.PENDING)
        session = greeted(centre, replace(HELLO, admission=0))
        centre.standing = Known.ADMITTED
        assert tags(session.changed(centre, 1.0)) == ["admitted", "fresh", "ack"]
        assert tags(session.received(ASK, centre, 2.0)) == ["fresh"]

    def test_says_nothing_to_a_waiting_host_when_things_change(self) -> None:
        centre = Centre(standing=Known.PENDING, newest=Head("main", 1, 4, b"x" * 32, PARCEL))
        assert greeted(centre).changed(centre, 1.0) == []

    def test_cuts_the_live_connection_of_a_key_that_is_revoked(self) -> None:
        centre = Centre()
        session = greeted(centre)
        centre.standing = Known.REVOKED
        assert session.changed(centre, 1.0) == [Answer(m.Denied(reason="revoked")), Cut("revoked")]

    def test_sends_a_policy_only_once_on_a_connection(self) -> None:
        centre = Centre(policies=[(1, b"p1"), (2, b"p2")])
        session = greeted(centre)
        assert session.changed(centre, 1.0) == []

    def test_stores_a_report_before_it_acknowledges(self) -> None:
        centre = Centre()
        session = greeted(centre)
        report = m.Reported(sequence=4, envelope=b"x")
        assert session.received(report, centre, 1.0) == [StoreReport(4, b"x")]
        assert session.committed(4) == [Answer(m.Acknowledged(sequence=4))]

    def test_acknowledges_a_repeated_report_without_storing_it_again(self) -> None:
        centre = Centre(done=7)
        report = m.Reported(sequence=4, envelope=b"x")
        assert greeted(centre).received(report, centre, 1.0) == [Answer(m.Acknowledged(sequence=7))]

    def test_relays_progress_and_plan_answers(self) -> None:
        centre = Centre()
        session = greeted(centre)
        progress = m.Progress(epoch=1, number=4, step=1, steps=2, text="x")
        planned = m.Planned(request=b"i" * 16, envelope=b"e")
        assert session.received(progress, centre, 1.0) == [Relay(progress)]
        assert session.received(planned, centre, 1.0) == [Relay(planned)]

    def test_passes_a_plan_request_to_admitted_hosts_only(self) -> None:
        asked = m.PlanAsked(proof=Proof(0, ()), request=b"r", document=b"d")
        assert greeted(Centre()).ask_plan(asked) == [Answer(asked)]
        assert greeted(Centre(standing=Known.PENDING)).ask_plan(asked) == []


class TestTheHostsEnd:
    def test_says_hello_with_what_it_holds_and_a_new_nonce_on_each_connection(self) -> None:
        session = HostSession(CountingChance())
        [first] = said(session.connected(HELD, 0.0))
        session.disconnected()
        [second] = said(session.connected(HELD, 1.0))
        assert isinstance(first, m.Hello)
        assert isinstance(second, m.Hello)
        assert first.nonce != second.nonce
        assert (first.scope, first.epoch, first.number, first.release) == ("main", 1, 2, b"r" * 32)

    def test_asks_on_a_beat(self) -> None:
        session = connected()
        assert session.tick(HELD, BEAT - 1) == []
        assert tags(session.tick(HELD, session.due())) == ["ask"]

    def test_asks_nothing_without_a_connection(self) -> None:
        session = connected()
        session.disconnected()
        assert session.due() == float("inf")
        assert session.tick(HELD, 1e9) == []
        assert session.ask_now(HELD, 1.0) == []

    def test_checks_a_proof_against_the_nonce_that_it_sent(self) -> None:
        session = HostSession(CountingChance())
        [hello] = said(session.connected(HELD, 0.0))
        assert isinstance(hello, m.Hello)
        effects = session.received(m.Freshness(envelope=b"f"), HELD, 1.0)
        assert effects == [CheckFresh(b"f", hello.nonce), Standing("admitted")]

    def test_refuses_a_second_proof_for_one_nonce(self) -> None:
        session = connected()
        session.received(m.Freshness(envelope=b"f"), HELD, 1.0)
        with pytest.raises(ProtocolError, match="nobody asked"):
            session.received(m.Freshness(envelope=b"f"), HELD, 1.0)

    def test_matches_answers_to_questions_in_order_when_two_are_under_way(self) -> None:
        session = connected()
        [first] = said(session.ask_now(HELD, 0.1))
        assert isinstance(first, m.Ask)
        session.received(m.Freshness(envelope=b"to the hello"), HELD, 1.0)
        assert session.received(m.Freshness(envelope=b"f"), HELD, 1.0) == [CheckFresh(b"f", first.nonce)]

    def test_keeps_its_newest_question_until_it_is_let_in(self) -> None:
        session = connected()
        session.received(m.Pending(), HELD, 0.1)
        [asked] = said(session.ask_now(HELD, 0.2))
        assert isinstance(asked, m.Ask)
        session.received(m.Pending(), HELD, 0.3)
        assert session.received(m.Freshness(envelope=b"f"), HELD, 1.0)[0] == CheckFresh(b"f", asked.nonce)

    def test_holds_its_reports_back_until_it_is_admitted(self) -> None:
        held = replace(HELD, unsent=(1, 2))
        session = HostSession(CountingChance())
        assert tags(session.connected(held, 0.0)) == ["hello"]
        assert session.received(m.Pending(), held, 0.0) == [Standing("pending")]
        assert session.tick(held, 1.0) == []
        assert SendReports((1, 2)) in session.received(m.Freshness(envelope=b"f"), held, 1.0)

    def test_sends_a_new_report_at_once_and_each_only_once(self) -> None:
        session = connected()
        session.received(m.Freshness(envelope=b"f"), HELD, 1.0)
        assert session.tick(replace(HELD, unsent=(4,)), 2.0) == [SendReports((4,))]
        assert session.tick(replace(HELD, unsent=(4, 5)), 3.0) == [SendReports((5,))]
        assert session.tick(replace(HELD, unsent=(4, 5)), 4.0) == []

    def test_repeats_reports_that_nobody_acknowledged(self) -> None:
        session = connected()
        session.received(m.Freshness(envelope=b"f"), HELD, 1.0)
        held = replace(HELD, unsent=(4,))
        session.tick(held, 2.0)
        assert SendReports((4,)) in session.tick(held, 2.0 + REPEAT)

    def test_sends_all_unacknowledged_reports_again_after_a_reconnect(self) -> None:
        held = replace(HELD, unsent=(4, 5))
        session = connected()
        session.received(m.Freshness(envelope=b"f"), held, 1.0)
        session.disconnected()
        session.connected(held, 2.0)
        assert SendReports((4, 5)) in session.received(m.Freshness(envelope=b"f"), held, 3.0)

    def test_keeps_only_a_window_of_reports_under_way(self) -> None:
        held = replace(HELD, unsent=tuple(range(1, 41)))
        session = connected()
        effects = session.received(m.Freshness(envelope=b"f"), held, 1.0)
        assert SendReports(tuple(range(1, WINDOW + 1))) in effects
        effects = session.received(m.Acknowledged(sequence=10), held, 2.0)
        assert effects == [Forget(10), SendReports(tuple(range(WINDOW + 1, 10 + WINDOW + 1)))]

    def test_forgets_what_is_acknowledged(self) -> None:
        assert Forget(7) in connected().received(m.Acknowledged(sequence=7), HELD, 1.0)

    def test_hands_signed_things_on_to_be_verified(self) -> None:
        message = m.Delivered(proof=Proof(0, ()), release=b"r", document=b"d")
        assert connected().received(message, HELD, 1.0) == [Take(message)]

    def test_says_why_it_was_denied(self) -> None:
        assert connected().received(m.Denied(reason="revoked"), HELD, 1.0) == [Standing("revoked", denied=True)]

    def test_refuses_what_a_centre_does_not_say(self) -> None:
        with pytest.raises(ProtocolError, match="does not say hello"):
            connected().received(HELLO, HELD, 1.0)

    def test_refuses_messages_outside_a_connection(self) -> None:
        with pytest.raises(ProtocolError, match="outside a connection"):
            HostSession(CountingChance()).received(m.Pending(), HELD, 1.0)


class Wireless:
    """Both ends joined without a wire; every message goes through its frames."""

    def __init__(self, held: Held, centre: Centre) -> None:
        self.held, self.centre = held, centre
        self.host, self.hub = HostSession(CountingChance()), CentreSession(CURVE)
        self.seen: set[str] = set()

    def to_hub(self, message: m.Message) -> None:
        for effect in self.hub.received(m.from_frames(m.to_frames(message)), self.centre, 1.0):
            if isinstance(effect, StoreReport):
                self.centre.done = effect.sequence
                self.all_to_host(self.hub.committed(effect.sequence))
            elif isinstance(effect, Answer):
                self.to_host(effect.message)

    def all_to_host(self, effects: Sequence[object]) -> None:
        for message in said(effects):
            self.to_host(message)

    def to_host(self, message: m.Message) -> None:
        for effect in self.host.received(m.from_frames(m.to_frames(message)), self.held, 1.0):
            self.seen.add(type(effect).__name__)
            if isinstance(effect, SendReports):
                for number in effect.sequences:
                    self.to_hub(m.Reported(sequence=number, envelope=b"e"))


def test_the_two_ends_understand_each_other_from_hello_to_acknowledgement() -> None:
    both = Wireless(replace(HELD, unsent=(1,)), Centre(newest=Head("main", 1, 4, b"x" * 32, PARCEL), done=0))
    for message in said(both.host.connected(both.held, 0.0)):
        both.to_hub(message)
    assert both.centre.done == 1
    assert {"CheckFresh", "Take", "Forget"} <= both.seen
