"""What operators change: every refusal names its reason, and nothing refused leaves a trace."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orch.common import authoring, codec
from orch.common import messages as m
from orch.common import operations as op
from orch.common.authoring import Authored
from orch.common.crypto import sha256
from orch.common.document import File, ListFile
from orch.common.identity import Reset, Revocation
from orch.common.policy import Policy
from orch.common.report import Outcome
from orch.common.wire import Event
from tests.fakes import signed_estate as estate
from tests.fakes.running_centre import FakeOperator, RefusedHere, RunningCentre
from tests.fakes.swarmhost import SwarmHost


def refused(centre: RunningCentre, operation: str, arguments: object, *, by: FakeOperator | None = None) -> str:
    with pytest.raises(RefusedHere) as caught:
        centre.ask(operation, arguments, op.Nothing, by=by)
    return caught.value.code


def publishing(made: Authored) -> op.Publish:
    return op.Publish(release=made.envelope, documents=tuple(sha256(content) for content in made.documents))


def put(centre: RunningCentre, made: Authored) -> str:
    centre.ask("document.hold", op.Documents(made.documents), op.Nothing)
    return refused(centre, "release.put", publishing(made))


def one(number: int = 2, *, by: tuple[str, ...] = ("anna",), host: str = "library/dom0", **changes: object) -> Authored:
    contents = (codec.encode(estate.document(estate.admission(host), commit=str(number))),)
    return estate.release(estate.draft(number, **changes), by=by, contents=contents)


class TestARelease:
    def test_under_an_older_number_is_refused(self, centre: RunningCentre) -> None:
        centre.admit("library/dom0")
        centre.publish(one(4))
        assert put(centre, one(2)) == "rolled-back"

    def test_that_is_sent_twice_is_published_once(self, centre: RunningCentre) -> None:
        centre.admit("library/dom0")
        made = one(2)
        assert centre.publish(made) == centre.publish(made)

    def test_under_a_taken_number_with_other_content_raises_the_alarm(self, centre: RunningCentre) -> None:
        centre.admit("library/dom0")
        centre.publish(one(2))
        assert put(centre, one(2, note="other")) == "equivocation"

    def test_that_does_not_follow_the_newest_is_refused(self, centre: RunningCentre) -> None:
        centre.admit("library/dom0")
        first = one(2)
        centre.publish(first)
        assert put(centre, one(4)) == "rolled-back"
        assert centre.publish(one(4, previous=first.hash)).hosts == 1

    def test_for_a_host_that_is_not_admitted_is_refused_whole(self, centre: RunningCentre) -> None:
        centre.admit("library/dom0")
        assert put(centre, estate.release(contents=estate.documents(others=1))) == "mislabelled"
        assert centre.ask("scope.head", op.ScopeAsked("main"), op.ScopeHead).number == 0

    def test_with_other_documents_than_were_signed_is_refused(self, centre: RunningCentre) -> None:
        centre.admit("library/dom0")
        made, other = one(2), one(4)
        centre.ask("document.hold", op.Documents(other.documents), op.Nothing)
        wanted = replace(publishing(made), documents=tuple(sha256(content) for content in other.documents))
        assert refused(centre, "release.put", wanted) == "mislabelled"

    def test_whose_documents_were_not_sent_is_refused(self, centre: RunningCentre) -> None:
        centre.admit("library/dom0")
        assert refused(centre, "release.put", publishing(one(2))) == "protocol"

    @pytest.mark.parametrize(
        ("by", "code"),
        [
            (("mallory",), "bad-signature"),
            (("carl",), "out-of-scope"),
            (("bert",), "out-of-scope"),
            ((), "bad-signature"),
        ],
        ids=["unknown key", "no such verb", "another ring", "unsigned"],
    )
    def test_signed_by_the_wrong_people_is_refused(self, centre: RunningCentre, by: tuple[str, ...], code: str) -> None:
        centre.admit("library/dom0")
        assert put(centre, one(2, by=by)) == code

    def test_that_has_expired_is_refused(self, centre: RunningCentre) -> None:
        centre.admit("library/dom0")
        assert put(centre, one(2, created=estate.NOW - 9000, expires=estate.NOW - 60)) == "expired"

    def test_whose_contents_were_not_uploaded_is_refused_until_they_are(self, centre: RunningCentre) -> None:
        centre.admit("library/dom0")
        content, big = b"tree\n", b"x" * 300_000
        made = with_contents(content, big)
        assert put(centre, made) == "refused"
        centre.upload(content)
        assert put(centre, made) == "refused"
        centre.upload(big)
        assert centre.publish(made).hosts == 1

    def test_comes_with_its_return_which_no_host_gets_before_it_is_needed(self, centre: RunningCentre) -> None:
        host = centre.admitted()
        step = one(2)
        back = one(3, returns=step.hash)
        centre.ask("document.hold", op.Documents((*step.documents, *back.documents)), op.Nothing)
        hashes = tuple(sha256(content) for content in back.documents)
        centre.ask("release.put", replace(publishing(step), back=back.envelope, back_documents=hashes), op.Published)
        centre.until(lambda: host.of(m.Delivered))
        host.ask()
        centre.until(lambda: len(host.fresh) == 2)
        assert host.held.number == 2
        assert centre.ask("scope.head", op.ScopeAsked("main"), op.ScopeHead).number == 2


def with_contents(content: bytes, big: bytes) -> Authored:
    document = replace(
        estate.document(),
        lists=(ListFile("base", sha256(content), len(content)),),
        files=(File(path="/srv/big", sha256=sha256(big), size=len(big)),),
    )
    return estate.release(contents=(codec.encode(document),))


class TestContents:
    def test_are_missing_until_they_are_whole(self, centre: RunningCentre) -> None:
        content = b"y" * 600_000
        name = sha256(content)
        piece = op.Piece(sha256=name, size=len(content), offset=0, data=content[: op.PIECE])
        centre.ask("blob.put", piece, op.Nothing)
        assert centre.ask("blob.missing", op.Hashes((name,)), op.Hashes).hashes == (name,)
        centre.upload(content)
        assert centre.ask("blob.missing", op.Hashes((name,)), op.Hashes).hashes == ()

    def test_that_are_something_else_than_they_were_said_to_be_are_not_kept(self, centre: RunningCentre) -> None:
        piece = op.Piece(sha256=bytes(32), size=3, offset=0, data=b"abc")
        assert refused(centre, "blob.put", piece) == "malformed"
        assert centre.ask("blob.missing", op.Hashes((bytes(32),)), op.Hashes).hashes == (bytes(32),)

    def test_may_be_empty(self, centre: RunningCentre) -> None:
        name = centre.upload(b"")
        assert centre.ask("blob.missing", op.Hashes((name,)), op.Hashes).hashes == ()


class TestAKey:
    def test_is_admitted_only_by_who_may_enrol(self, centre: RunningCentre) -> None:
        envelope = estate.admission_bytes(estate.admission(), "bert")
        assert refused(centre, "key.admit", op.Signed(envelope)) == "out-of-scope"

    def test_is_admitted_only_with_the_keys_that_it_asked_with(self, centre: RunningCentre) -> None:
        host = centre.host()
        centre.until(lambda: host.heard)
        other = replace(estate.admission(), seal=estate.curve("thief").public)
        assert refused(centre, "key.admit", op.Signed(estate.admission_bytes(other))) == "mislabelled"

    def test_cannot_take_the_name_of_another_host(self, centre: RunningCentre) -> None:
        centre.admit("library/dom0")
        thief = replace(estate.admission(), curve=estate.curve("thief").public)
        assert refused(centre, "key.admit", op.Signed(estate.admission_bytes(thief))) == "mislabelled"

    def test_with_an_older_serial_is_refused(self, centre: RunningCentre) -> None:
        centre.admit("library/dom0", serial=2)
        old = estate.admission_bytes(estate.admission(serial=1))
        assert refused(centre, "key.admit", op.Signed(old)) == "rolled-back"

    def test_that_is_admitted_again_to_another_ring_is_told_so_at_once(self, centre: RunningCentre) -> None:
        host = centre.admitted()
        centre.admit(host.name, ring="canary", serial=2)
        centre.until(lambda: host.held.admission == 2)
        assert centre.rows()[host.name].ring == "canary"

    def test_that_nobody_has_cannot_be_rejected(self, centre: RunningCentre) -> None:
        assert refused(centre, "key.reject", op.KeyAsked(bytes(32))) == "refused"


class TestAReset:
    QUESTION = bytes(range(32))

    def signed(self, *by: str, **changes: object) -> op.Signed:
        made = Reset(
            estate=estate.ESTATE,
            curve=estate.admission().curve,
            nonce=self.QUESTION,
            epoch=1,
            number=2,
            issued=estate.NOW,
        )
        made = replace(made, **changes)  # type: ignore[arg-type]
        return op.Signed(authoring.sign_reset(made, keys=estate.keys(*(by or ("root", "anna")))))

    def asking(self, centre: RunningCentre) -> SwarmHost:
        host = centre.admitted()
        host.report(Outcome.REFUSED, refused="floor", question=self.QUESTION)
        centre.until(lambda: host.acknowledged == 1)
        return host

    def test_reaches_the_host_that_asked_for_it_also_on_its_next_connection(self, centre: RunningCentre) -> None:
        host, wanted = self.asking(centre), self.signed()
        assert "lost" in centre.rows()[host.name].warning
        centre.ask("key.reset", wanted, op.Nothing)
        centre.until(lambda: host.of(m.ResetSent))
        host.connect(centre.context, centre.address)
        centre.until(lambda: len(host.of(m.ResetSent)) == 2)
        assert host.of(m.ResetSent) == [m.ResetSent(envelope=wanted.envelope)] * 2
        host.report()
        centre.until(lambda: host.acknowledged == 2)
        assert centre.rows()[host.name].warning == ""
        host.connect(centre.context, centre.address)
        centre.until(lambda: len(host.fresh) == 3)
        assert len(host.of(m.ResetSent)) == 2

    @pytest.mark.parametrize(
        ("by", "changes", "code"),
        [
            (("anna",), {}, "bad-signature"),
            (("root",), {}, "bad-signature"),
            (("root", "bert"), {}, "out-of-scope"),
            ((), {"nonce": bytes(32)}, "mislabelled"),
            ((), {"curve": bytes(32)}, "mislabelled"),
            ((), {"epoch": 2}, "rolled-back"),
            ((), {"issued": estate.NOW + 3 * estate.DAY}, "mislabelled"),
        ],
        ids=["no root", "no operator", "may not enrol", "not asked", "nobody", "closed epoch", "future"],
    )
    def test_that_the_host_would_refuse_is_refused(
        self, centre: RunningCentre, by: tuple[str, ...], changes: dict[str, object], code: str
    ) -> None:
        host = self.asking(centre)
        assert refused(centre, "key.reset", self.signed(*by, **changes)) == code
        host.ask()
        centre.until(lambda: len(host.fresh) == 2)
        assert host.of(m.ResetSent) == []


class TestAPolicy:
    def next(self, **changes: object) -> Policy:
        return replace(estate.POLICY, version=2, **changes)  # type: ignore[arg-type]

    def test_reaches_every_host_at_once(self, centre: RunningCentre) -> None:
        host = centre.admitted()
        centre.ask("policy.put", op.Signed(estate.policy_bytes(self.next())), op.Nothing)
        centre.until(lambda: host.held.policy == 2)

    def test_that_is_put_twice_is_no_error(self, centre: RunningCentre) -> None:
        for _ in range(2):
            centre.ask("policy.put", op.Signed(estate.policy_bytes(self.next())), op.Nothing)
        centre.ask("policy.put", op.Signed(estate.policy_bytes()), op.Nothing)

    def test_without_the_root_threshold_is_refused(self, centre: RunningCentre) -> None:
        envelope = estate.policy_bytes(self.next(), "anna")
        assert refused(centre, "policy.put", op.Signed(envelope)) == "bad-signature"

    def test_that_skips_a_version_is_refused(self, centre: RunningCentre) -> None:
        envelope = estate.policy_bytes(replace(self.next(), version=3))
        assert refused(centre, "policy.put", op.Signed(envelope)) == "mislabelled"

    def test_cuts_the_operators_that_it_does_not_name_any_more(self, centre: RunningCentre) -> None:
        anna, bert = centre.operator("anna"), centre.operator("bert")
        centre.ask("status.get", op.Nothing(), op.View, by=bert)
        envelope = estate.policy_bytes(self.next(operators=(estate.ANNA,)))
        centre.ask("policy.put", op.Signed(envelope), op.Nothing, by=anna)
        centre.until(lambda: Event.DOWN in bert.events)
        assert not anna.cut

    def test_holds_after_the_centre_was_started_again(self, centre: RunningCentre) -> None:
        centre.ask("policy.put", op.Signed(estate.policy_bytes(self.next())), op.Nothing)
        centre.restart()
        found = centre.ask("policy.get", op.After(0), op.Envelopes)
        assert found.envelopes == (estate.policy_bytes(), estate.policy_bytes(self.next()))


class TestARevocation:
    def test_by_somebody_who_may_not_is_refused_and_the_host_stays(self, centre: RunningCentre) -> None:
        host = centre.admitted()
        body = Revocation(estate=estate.ESTATE, host=host.name, curve=host.public, issued=estate.NOW)
        envelope = authoring.sign_revocation(body, keys=estate.keys("bert"))
        assert refused(centre, "key.revoke", op.Signed(envelope)) == "out-of-scope"
        host.report()
        centre.until(lambda: host.acknowledged == 1)
