"""The whole centre on loopback and its hosts: real CURVE connections, the real store, scripted hosts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from orch.common import attest, codec, past, trust
from orch.common import messages as m
from orch.common import operations as op
from orch.common.crypto import sha256
from orch.common.release import Parcel
from orch.common.report import Change, Outcome, Sign, StepOutcome, StepReport
from orch.common.wire import Event
from tests.fakes import signed_estate as estate
from tests.fakes.running_centre import RefusedHere, RunningCentre
from tests.fakes.swarmhost import SwarmHost


def hear(centre: RunningCentre, host: SwarmHost) -> None:
    centre.until(lambda: host.heard)


def forged_request(host: SwarmHost, **changes: object) -> bytes:
    asked = replace(estate.request(host.name), **changes)  # type: ignore[arg-type]
    return attest.sign_identity_request(asked, estate.signing(host.name))


class TestAStranger:
    def test_gets_nothing_but_pending_with_the_right_server_key_and_an_unknown_key(self, centre: RunningCentre) -> None:
        centre.publish_to("site0/dom0")
        host = centre.host()
        centre.until(lambda: host.heard)
        host.ask()
        host.ask()
        centre.until(lambda: len(host.heard) >= 3)
        assert {type(message) for message in host.heard} == {m.Pending}

    def test_is_listed_once_with_its_request_and_its_address(self, centre: RunningCentre) -> None:
        host = centre.host()
        centre.until(lambda: host.heard)
        (row,) = centre.other_keys()
        assert (row.curve, row.state, row.request) == (host.public, "pending", host.held.request)
        assert "127.0.0.1" in row.address

    def test_is_not_listed_with_a_request_for_another_key_or_estate(self, centre: RunningCentre) -> None:
        for name, changes in (("a/a", {"curve": estate.curve("victim").public}), ("b/b", {"estate": "other"})):
            host = centre.host(name, connect=False)
            host.held = replace(host.held, request=forged_request(host, **changes))
            host.connect(centre.context, centre.address)
            hear(centre, host)
        assert centre.other_keys() == []

    def test_is_cut_when_it_says_what_only_a_host_may(self, centre: RunningCentre) -> None:
        host = centre.host()
        centre.until(lambda: host.heard)
        host.say(m.Reported(sequence=1, envelope=b"x"))
        centre.until(lambda: Event.DOWN in host.events)

    def test_is_cut_for_a_first_word_that_is_none(self, centre: RunningCentre) -> None:
        host = centre.host()
        host.session.connected = lambda held, now: []  # type: ignore[method-assign]
        centre.until(lambda: Event.UP in host.events)
        host.say(m.StreamOpen(document=bytes(32), credit=8))
        centre.until(lambda: Event.DOWN in host.events)
        assert host.heard == []

    def test_is_let_in_on_its_open_connection_when_an_operator_admits_it(self, centre: RunningCentre) -> None:
        host = centre.admitted()
        centre.until(lambda: host.of(m.Acknowledged))  # it comes after the admission, maybe in a turn of its own
        told = [type(message) for message in host.heard]
        assert told == [m.Pending, m.PolicySent, m.Admitted, m.Freshness, m.Acknowledged]

    def test_stays_pending_when_an_operator_rejects_it_and_leaves_the_list_of_those_who_wait(
        self, centre: RunningCentre
    ) -> None:
        host = centre.host()
        centre.until(lambda: host.heard)
        centre.ask("key.reject", op.KeyAsked(host.public), op.Nothing)
        host.connect(centre.context, centre.address)
        centre.until(lambda: len(host.heard) == 2)
        assert [row.state for row in centre.other_keys()] == ["rejected"]
        assert {type(message) for message in host.heard} == {m.Pending}

    def test_pushes_out_the_oldest_when_too_many_are_connected(self, tmp_path: Path) -> None:
        centre = RunningCentre(tmp_path / "small", settings="[limits]\nstrangers = 10\n")
        try:
            hosts = []
            for number in range(11):
                hosts.append(centre.host(f"s{number}/dom0"))
                centre.until(lambda: hosts[-1].heard)
            centre.until(lambda: Event.DOWN in hosts[0].events)
            assert not any(Event.DOWN in host.events for host in hosts[1:])
        finally:
            centre.close()


class TestAFreshProof:
    def test_answers_each_ask_with_its_own_nonce_and_names_the_newest(self, centre: RunningCentre) -> None:
        host = centre.admitted()
        made = centre.publish_to(host.name)
        centre.until(lambda: host.of(m.Delivered))
        host.ask()
        centre.until(lambda: len(host.fresh) == 2)
        envelope, nonce = host.fresh[-1]
        found = trust.judge_fresh(estate.standing(me=host.me), envelope, nonce=nonce)
        assert (found.epoch, found.number, found.release) == (1, 2, made.hash)


class TestARelease:
    def test_reaches_every_open_connection_at_once(self, centre: RunningCentre) -> None:
        hosts = [centre.admitted("library/dom0"), centre.admitted("site0/dom0")]
        made = estate.release(contents=estate.documents(others=1))
        assert centre.publish(made) == op.Published(hosts=2, sent=2)
        centre.until(lambda: all(host.of(m.Delivered) for host in hosts))
        for index, host in enumerate(hosts):
            (message,) = host.of(m.Delivered)
            assert isinstance(message, m.Delivered)
            assert (message.release, message.document) == (made.envelope, made.documents[index])
            assert message.proof == made.proofs[index]

    def test_waits_for_a_host_that_is_off(self, centre: RunningCentre) -> None:
        host = centre.admitted()
        host.disconnect()
        centre.until(lambda: not centre.rows()[host.name].connected)
        centre.publish_to(host.name)
        host.connect(centre.context, centre.address)
        centre.until(lambda: host.of(m.Delivered))
        assert host.held.number == 2

    def test_is_still_there_after_the_centre_was_started_again(self, centre: RunningCentre) -> None:
        host = centre.admitted()
        made = centre.publish_to(host.name, "site0/dom0")
        centre.restart()
        host.held = replace(host.held, epoch=0, number=0, release=b"")
        host.heard.clear()
        host.connect(centre.context, centre.address)
        centre.until(lambda: host.of(m.Delivered))
        (message,) = host.of(m.Delivered)
        assert isinstance(message, m.Delivered)
        assert (message.release, message.proof) == (made.envelope, made.proofs[0])

    def test_of_the_same_document_comes_without_it_and_with_it_to_a_host_that_lacks_it(
        self, centre: RunningCentre
    ) -> None:
        host = centre.admitted()
        first = centre.publish_to(host.name)
        centre.until(lambda: host.of(m.Delivered))
        host.held = replace(host.held, document=b"")
        made = centre.publish_to(host.name, number=4, previous=first.hash)
        centre.until(lambda: len(host.of(m.Delivered)) == 3)
        spared, whole = (word for word in host.of(m.Delivered)[1:] if isinstance(word, m.Delivered))
        assert (spared.release, spared.document, spared.known) == (made.envelope, b"", sha256(made.documents[0]))
        assert (whole.release, whole.document, whole.known) == (made.envelope, made.documents[0], b"")

    def test_is_not_sent_again_to_a_host_that_has_it(self, centre: RunningCentre) -> None:
        host = centre.admitted()
        centre.publish_to(host.name)
        centre.until(lambda: host.of(m.Delivered))
        for count in (2, 3):
            host.ask()
            centre.until(lambda count=count: len(host.fresh) == count)  # type: ignore[misc]
        assert len(host.of(m.Delivered)) == 1


class TestReports:
    def test_are_acknowledged_after_they_are_committed_and_seen_in_status(self, centre: RunningCentre) -> None:
        host = centre.admitted()
        made = centre.publish_to(host.name)
        centre.until(lambda: host.held.number == 2)
        change = Change(sign=Sign.ADD, kind="package", name="tree", after="2.1.0")
        step = StepReport(resource="packages", outcome=StepOutcome.DONE, changes=(change, change))
        host.report(steps=(step,), listeners=("tcp/22",), drift=True)
        centre.until(lambda: host.acknowledged == 1)
        row = centre.rows()[host.name]
        assert (row.outcome, row.changes, row.drift, row.listeners) == ("applied", 2, True, ("tcp/22",))
        assert (row.wanted, row.wanted_release, row.sequence, row.connected) == ((1, 2), made.hash, 1, True)

    def test_come_in_by_the_hundred(self, centre: RunningCentre) -> None:
        host = centre.admitted()
        for _ in range(300):
            host.report()
        centre.until(lambda: host.acknowledged == 300)
        assert centre.rows()[host.name].sequence == 300

    def test_about_an_older_release_are_not_taken_for_news_of_the_wanted_one(self, centre: RunningCentre) -> None:
        host = centre.admitted()
        centre.publish_to(host.name)
        centre.until(lambda: host.held.number == 2)
        host.report(number=0, release=b"", outcome=Outcome.FAILED)
        centre.until(lambda: host.acknowledged == 1)
        assert centre.rows()[host.name].outcome == ""

    def test_that_speak_for_another_host_cost_the_connection_and_are_not_kept(self, centre: RunningCentre) -> None:
        host, victim = centre.admitted("a/a"), centre.admitted("b/b")
        host.report(host=victim.name, curve=victim.public)
        centre.until(lambda: Event.DOWN in host.events)
        assert (host.acknowledged, centre.rows()["b/b"].sequence) == (0, 0)

    def test_go_on_with_a_gap_where_the_centre_lost_its_database(self, centre: RunningCentre) -> None:
        host = centre.host(connect=False)
        host.held = replace(host.held, sequence=40)
        host.report()
        host.connect(centre.context, centre.address)
        centre.until(lambda: "pending" in host.standing)
        centre.admit(host.name)
        centre.until(lambda: host.acknowledged == 41)
        host.report()
        centre.until(lambda: host.acknowledged == 42)

    def test_that_cannot_be_read_are_kept_so_that_the_host_gets_rid_of_them(self, centre: RunningCentre) -> None:
        host = centre.admitted()
        host.report()
        host.outbox[1] = b"\xc1 nonsense"
        host.report()
        centre.until(lambda: host.acknowledged == 2)
        detail = centre.ask("host.explain", op.HostAsked(host.name), op.Detail)
        assert detail.reports[1] == b"\xc1 nonsense"

    def test_survive_the_master_being_away_while_they_are_made(self, centre: RunningCentre) -> None:
        host = centre.admitted()
        centre.stop()
        host.report()
        host.report()
        centre.start()
        host.connect(centre.context, centre.address)
        centre.until(lambda: host.acknowledged == 2)


class TestAHost:
    def test_is_called_silent_when_it_was_not_heard_for_long(self, centre: RunningCentre) -> None:
        host = centre.admitted()
        assert centre.rows()[host.name].connected
        heard = centre.rows()[host.name].heard
        centre.hosts.remove(host)  # its program stands still: the connection is open, and nothing comes
        centre.clock.skip(80)
        row = centre.rows()[host.name]
        assert (row.connected, row.heard) == (False, heard)
        host.disconnect()

    def test_is_known_to_be_silent_since_when_after_the_centre_was_started_again(self, centre: RunningCentre) -> None:
        host = centre.admitted()
        heard = centre.rows()[host.name].heard
        host.disconnect()
        centre.clock.skip(1000)
        centre.restart()
        row = centre.rows()[host.name]
        assert row.connected is False
        assert abs(row.heard - heard) <= 1

    def test_keeps_one_connection_the_newest(self, centre: RunningCentre) -> None:
        host = centre.admitted()
        twin = centre.host(host.name)
        centre.until(lambda: "admitted" in twin.standing)
        centre.until(lambda: Event.DOWN in host.events)
        assert centre.rows()[host.name].connected

    def test_shows_its_progress_until_it_reports(self, centre: RunningCentre) -> None:
        host = centre.admitted()
        host.say(m.Progress(epoch=1, number=2, step=1, steps=3, text="packages"))
        centre.until(lambda: centre.rows()[host.name].progress == "1/3 packages")
        host.report()
        centre.until(lambda: host.acknowledged == 1)
        assert centre.rows()[host.name].progress == ""

    def test_that_holds_a_newer_release_than_the_centre_raises_the_number_that_operators_are_told(
        self, centre: RunningCentre
    ) -> None:
        host = centre.admitted()
        host.held = replace(host.held, scope="main", epoch=1, number=8, release=b"h" * 32)
        host.connect(centre.context, centre.address)
        centre.until(lambda: centre.log.said("host-ahead"))
        head = centre.ask("scope.head", op.ScopeAsked("main"), op.ScopeHead)
        assert head == op.ScopeHead(epoch=1, number=8, release=b"h" * 32, claimed=True)
        assert centre.rows()[host.name].ahead

    def test_cannot_use_up_the_numbers_by_claiming_one_far_ahead(self, centre: RunningCentre) -> None:
        host = centre.admitted()
        centre.publish_to(host.name)
        centre.until(lambda: host.held.number == 2)
        host.held = replace(host.held, scope="main", epoch=1, number=500_000, release=b"h" * 32)
        host.ask()
        centre.until(lambda: centre.rows()[host.name].running == (1, 500_000))
        assert centre.ask("scope.head", op.ScopeAsked("main"), op.ScopeHead).number == 2


class TestRevocation:
    def test_cuts_the_live_connection_and_lets_the_key_in_no_more(self, centre: RunningCentre) -> None:
        host = centre.admitted()
        centre.revoke(host.name)
        centre.until(lambda: Event.DOWN in host.events)
        assert m.Denied(reason="revoked") in host.heard
        host.events.clear()
        host.connect(centre.context, centre.address)
        centre.until(lambda: Event.REFUSED in host.events)
        assert [row.state for row in centre.other_keys()] == ["revoked"]

    def test_is_shown_with_its_reason_also_after_the_centre_was_started_again(self, centre: RunningCentre) -> None:
        host, other = centre.admitted(), centre.admitted("library/dom1")
        heard = centre.rows()[host.name].heard
        centre.revoke(host.name)
        for _start in range(2):
            rows = centre.rows()
            row = rows[host.name]
            assert (row.revoked, row.by, row.text) == (estate.NOW, "anna", "stolen")
            assert (row.connected, row.scope, row.ring) == (False, "main", "stable")
            assert abs(row.heard - heard) <= 1
            assert rows[other.name].revoked == 0
            told = centre.ask("host.explain", op.HostAsked(host.name), op.Detail)
            assert (
                trust.take_revocation(estate.POLICY, told.revocation, admission=None, now=estate.NOW).reason == "stolen"
            )
            centre.restart()

    def test_is_not_shown_of_a_machine_that_was_replaced_under_the_same_name(self, centre: RunningCentre) -> None:
        host = centre.admitted()
        centre.revoke(host.name)
        made = replace(estate.admission(host.name), curve=b"n" * 32)
        centre.ask("key.admit", op.Signed(estate.admission_bytes(made)), op.Nothing)
        assert centre.rows()[host.name].revoked == 0
        assert len(centre.rows()) == 1

    def test_holds_after_the_centre_was_started_again(self, centre: RunningCentre) -> None:
        host = centre.admitted()
        centre.revoke(host.name)
        centre.until(lambda: Event.DOWN in host.events)
        centre.restart()
        host.events.clear()
        host.connect(centre.context, centre.address)
        centre.until(lambda: Event.REFUSED in host.events)

    def test_cannot_be_taken_back_by_admitting_the_key_again(self, centre: RunningCentre) -> None:
        host = centre.admitted()
        centre.revoke(host.name)
        with pytest.raises(Exception, match="was revoked"):
            centre.admit(host.name, serial=2)


class TestWhoeverSaysNonsense:
    @pytest.mark.parametrize(
        "frames",
        [(b"",), (b"\xc1",), (b"a", b"b", b"c", b"d", b"e"), (codec.encode({"": "nothing"}),), (b"\x80",)],
        ids=["empty", "no msgpack", "many frames", "unknown", "no tag"],
    )
    def test_is_cut_and_nobody_else_notices(self, centre: RunningCentre, frames: tuple[bytes, ...]) -> None:
        good, bad = centre.admitted("a/a"), centre.admitted("b/b")
        assert bad.link is not None
        bad.link.send(frames)
        centre.until(lambda: Event.DOWN in bad.events)
        good.report()
        centre.until(lambda: good.acknowledged == 1)
        assert centre.log.said("problem") == []


class TestThePast:
    def test_of_a_host_is_told_release_by_release_with_documents_that_prove_themselves(
        self, centre: RunningCentre
    ) -> None:
        host = centre.admitted()
        first = centre.publish_to(host.name)
        second = centre.publish_to(host.name, number=4, previous=first.hash)
        told = centre.ask("host.history", op.HistoryAsked(host=host.name), op.History)
        assert [item.release for item in told.releases] == [second.envelope, first.envelope]
        parcel = centre.ask("host.document", op.DocumentAsked(host=host.name, release=first.hash), Parcel)
        signed, document = past.judge_document((estate.POLICY,), parcel)
        assert (signed.hash, document.host) == (first.hash, host.name)

    def test_that_is_not_kept_is_said(self, centre: RunningCentre) -> None:
        host = centre.admitted()
        with pytest.raises(RefusedHere, match="keeps no such release"):
            centre.ask("host.document", op.DocumentAsked(host=host.name, release=bytes(32)), Parcel)
        with pytest.raises(RefusedHere, match="knows no host"):
            centre.ask("host.history", op.HistoryAsked(host="no/body"), op.History)
