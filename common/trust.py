"""The verdicts: whether this host may take this release, this order, this request to plan.

Takes bytes, what the host durably knows (`Standing`) and a trusted time; returns what was accepted, or raises why not.
The remaining steps are I/O and are not here: writing the floor (before anything begins), keeping the accepted bytes,
remembering the ids of orders, acting.

Refuses to do: any I/O, read a clock, remember anything, or hand out content that was not verified whole.

Invariants:
- verify first, decode after; sizes before both; bytes are hashed as received;
- no path leads from an error to an accepted value: every check raises, the value is built last (CVE-2016-1252);
- (epoch, number) never goes back on a host, nor forks; gaps are normal, as numbers are the scope's and not the host's.
  So `Release.previous` is not checked here: the centre's intake, which sees every release of a scope, does that;
- a proof of freshness and a plan request can move neither floor nor inbox: their verdicts return no floor;
- scope and ring come from the host's admission, keys from the policy, nothing from the peer.

Called by a host's executor (again for what its own spool holds), by the centre's intake, which refuses early what hosts
would refuse, and by the operator's audit. audit.py, chain.py and freshness.py belong to it and are imported through it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from orch.common import codec, merkle, order
from orch.common import document as documents
from orch.common import release as releases
from orch.common.audit import judge_plan_answer, judge_report, read_report
from orch.common.authority import Place, askers, commanders, demand, demand_somewhere
from orch.common.chain import (
    check_identity_request,
    floor_after,
    refuse_stale_policy,
    take_admission,
    take_policy,
    take_reset,
    take_revocation,
)
from orch.common.crypto import sha256
from orch.common.document import Document
from orch.common.envelope import open_envelope
from orch.common.errors import (
    Equivocation,
    Expired,
    Malformed,
    Mislabelled,
    OutOfScope,
    RolledBack,
    Unpaired,
)
from orch.common.freshness import STALE_AFTER, Permission, judge_fresh, permission, proved_time, trusted_now, unproven
from orch.common.identity import Admission
from orch.common.merkle import Proof
from orch.common.order import Kind, Order, PlanRequest
from orch.common.policy import Operator, Policy, Verb
from orch.common.release import MAX_JUMP, Go, Parcel, Release
from orch.common.standing import Accepted, Contact, Floor, Mark, Moment, Standing

__all__ = [
    "STALE_AFTER",
    "Accepted",
    "Contact",
    "Endorsed",
    "Floor",
    "Mark",
    "Moment",
    "Permission",
    "Standing",
    "check_identity_request",
    "endorsed",
    "floor_after",
    "judge_author",
    "judge_fresh",
    "judge_go",
    "judge_host",
    "judge_order",
    "judge_plan_answer",
    "judge_plan_request",
    "judge_release",
    "judge_report",
    "permission",
    "proved_time",
    "read_report",
    "take_admission",
    "take_policy",
    "take_reset",
    "take_revocation",
    "trusted_now",
    "unproven",
]

MAX_AHEAD = 24 * 3600
"""Seconds by which an author's clock may be ahead: more would push every host's `Floor.signed_time` forward."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endorsed:
    """A release that somebody known signed, and who. What they may is not settled yet."""

    release: Release
    release_hash: bytes
    people: tuple[Operator, ...]


def endorsed(policy: Policy, envelope: bytes) -> Endorsed:
    """Open a release: size, type, signatures of known operators, then its content.

    Raises:
        Malformed: not a release, or larger than releases are.
        Mislabelled: another type.
        BadSignature: no known operator signed it.
    """
    opened = open_envelope(envelope, type=releases.TYPE, limit=releases.LIMIT)
    people = commanders(policy, opened)
    return Endorsed(
        release=codec.decode(Release, opened.body, limit=releases.LIMIT),
        release_hash=sha256(opened.body),
        people=people,
    )


# --- the host --------------------------------------------------------------------------------------------


def judge_release(standing: Standing, parcel: Parcel, *, now: int) -> Accepted:
    """Whether this host takes this release.

    Args:
        standing: what the host durably knows.
        parcel: the release's envelope, this host's document and its proof, as received.
        now: trusted time (`trusted_now`).

    Returns:
        The release and document, and the floor to write before anything begins. `again` is set for what the floor
        names already; then everything but the expiry was checked anew, as the policy may have changed since.

    Raises:
        Malformed: bytes that are no release, or no document.
        BadSignature: signed by nobody known, or by too few.
        OutOfScope: the signers may not do this in this scope and ring, or the epoch is not opened yet.
        Mislabelled: another estate, scope, host or key, or a document that is not in the release.
        RolledBack: below the floor, or a jump that would use up the numbers.
        Equivocation: the number of the floor with other content.
        Unpaired: a return without its step.
        Expired: too old to be taken.
    """
    policy, me = standing.policy, standing.me
    floor = standing.floor.within(me.scope)
    refuse_stale_policy(policy, standing.policy_hash, floor)
    found = endorsed(policy, parcel.release)
    release = found.release
    # Nobody signs in the past of what is signed already, so a clock that is behind cannot revive what has expired.
    now = max(now, floor.signed_time)
    _check_granted(policy, found, me, now)
    _check_place(policy, release, me)
    again = _check_order(floor, found)
    if not again and max(now, release.created) > release.expires:
        raise Expired(f"release {release.number} expired {now - release.expires} s ago")
    content = _check_document(release, me, document=parcel.document, proof=parcel.proof)
    document_hash = sha256(parcel.document)
    if again and document_hash != floor.document:
        raise Equivocation(f"release {release.number} holds two documents for {me.host}")
    return Accepted(
        release=release,
        document=content,
        release_hash=found.release_hash,
        document_hash=document_hash,
        floor=_raised(floor, found, document_hash),
        again=again,
    )


def _check_granted(policy: Policy, found: Endorsed, me: Admission, now: int) -> None:
    place = Place(scope=found.release.scope, ring=me.ring)
    demand(policy, found.people, Verb.PUBLISH, place=place, now=now)
    if found.release.removals > 0:
        demand(policy, found.people, Verb.REMOVE, place=place, now=now)


def _check_place(policy: Policy, release: Release, me: Admission) -> None:
    if release.estate != me.estate:
        raise Mislabelled(f"a release of the estate {release.estate}, not {me.estate}")
    if release.scope != me.scope:
        raise Mislabelled(f"a release for the scope {release.scope}; {me.host} is in {me.scope}")
    _check_epoch(policy, release.scope, release.epoch)


def _check_epoch(policy: Policy, scope: str, epoch: int) -> None:
    wanted = policy.epoch(scope)
    if epoch < wanted:
        raise RolledBack(f"epoch {epoch} of scope {scope} was closed; it is {wanted} now")
    if epoch > wanted:
        hint = "send the host the policy that opens this epoch first"
        raise OutOfScope(f"no policy has opened epoch {epoch} of scope {scope}; it is {wanted}", hint=hint)


def _check_order(floor: Floor, found: Endorsed) -> bool:
    """Whether it is the one that the floor names; refuses what may not follow the floor."""
    release = found.release
    if (release.epoch, release.number) < (floor.epoch, floor.number):
        raise RolledBack(f"release {release.epoch}:{release.number} is below {floor.epoch}:{floor.number}")
    if (release.epoch, release.number) == (floor.epoch, floor.number):
        if found.release_hash == floor.release:
            return True
        if floor.release:
            raise Equivocation(f"two releases have the number {release.epoch}:{release.number}")
        # A reset named this number and no content (chain.py `floor_after`): it may be taken, once.
    base = floor.number if release.epoch == floor.epoch else 0
    if release.number - base > MAX_JUMP:
        raise RolledBack(f"release {release.number} jumps too far from {base}; nothing could follow it")
    if release.number % 2:
        _check_pair(floor, release)
    return False


def _check_pair(floor: Floor, release: Release) -> None:
    step = (release.epoch, release.number - 1, release.returns)
    if step != (floor.epoch, floor.number, floor.release):
        raise Unpaired(f"release {release.number} takes back {release.number - 1}, which this host does not run")


def _check_document(release: Release, me: Admission, *, document: bytes, proof: Proof) -> Document:
    return _check_mine(_proved(document, proof, root=release.root, count=release.count), me)


def _proved(content: bytes, proof: Proof, *, root: bytes, count: int) -> Document:
    if len(content) > documents.LIMIT:
        raise Malformed(f"a document of {len(content)} bytes where at most {documents.LIMIT} are allowed")
    if merkle.root_from(merkle.leaf(content), proof, count) != root:
        raise Mislabelled("the document is not among those that were signed")
    return codec.decode(Document, content, limit=documents.LIMIT)


def _check_mine(content: Document, me: Admission) -> Document:
    if content.host != me.host:
        raise Mislabelled(f"a document for {content.host}; this is {me.host}")
    if (content.estate, content.curve) != (me.estate, me.curve):
        raise Mislabelled(f"a document for a {me.host} with another key or of another estate")
    if content.scope != me.scope:
        raise Mislabelled(f"a document for the scope {content.scope}; {me.host} is in {me.scope}")
    return content


def _raised(floor: Floor, found: Endorsed, document_hash: bytes) -> Floor:
    return replace(
        floor,
        epoch=found.release.epoch,
        number=found.release.number,
        release=found.release_hash,
        document=document_hash,
        signed_time=max(floor.signed_time, found.release.created),
    )


def judge_go(standing: Standing, envelope: bytes, *, now: int) -> Go:
    """Whether this host may begin with the release that its floor names and that demands a `go`.

    Raises:
        Malformed: not a go.
        BadSignature: signed by nobody known, or by too few.
        OutOfScope: the signers may not publish in this scope and ring.
        Mislabelled: another estate, scope, ring or release.
        RolledBack: for a release below the floor.
        Expired: too old.
    """
    opened = open_envelope(envelope, type=releases.GO_TYPE, limit=releases.LIMIT)
    people = commanders(standing.policy, opened)
    go = codec.decode(Go, opened.body, limit=releases.LIMIT)
    me, floor = standing.me, standing.floor.within(standing.me.scope)
    demand(standing.policy, people, Verb.PUBLISH, place=Place(scope=go.scope, ring=me.ring), now=now)
    _check_addressed(me, estate=go.estate, scope=go.scope)
    _check_epoch(standing.policy, go.scope, go.epoch)
    if me.ring not in go.rings:
        raise Mislabelled(f"the go is for the rings {', '.join(go.rings)}; {me.host} is in {me.ring}")
    if (go.epoch, go.number) < (floor.epoch, floor.number):
        raise RolledBack(f"the go is for release {go.epoch}:{go.number}; {floor.epoch}:{floor.number} is held")
    if (go.epoch, go.number, go.release) != (floor.epoch, floor.number, floor.release):
        raise Mislabelled(f"the go is for release {go.epoch}:{go.number}, which this host does not hold")
    _check_time("the go", expires=go.expires, now=now)
    return go


_VERBS = {
    Kind.RUN: Verb.RUN,
    Kind.RESTART: Verb.RUN,
    Kind.REBOOT: Verb.REBOOT,
    Kind.RECONCILE: Verb.PUBLISH,  # it makes changes happen now that were signed before
}


def judge_order(standing: Standing, envelope: bytes, *, now: int) -> Order:
    """Whether this host does what an order asks.

    That it does it only once is the journal's business: by its `id`, kept until the order has expired.

    Raises:
        Malformed: not an order.
        BadSignature: signed by nobody known, or by too few.
        OutOfScope: the signers may not do this in this scope and ring.
        Mislabelled: another estate or scope, or not for this host.
        Expired: too old.
    """
    opened = open_envelope(envelope, type=order.ORDER_TYPE, limit=order.LIMIT)
    people = commanders(standing.policy, opened)
    found = codec.decode(Order, opened.body, limit=order.LIMIT)
    me = standing.me
    demand(standing.policy, people, _VERBS[found.kind], place=Place(scope=found.scope, ring=me.ring), now=now)
    _check_addressed(me, estate=found.estate, scope=found.scope)
    if me.curve not in found.hosts:
        raise Mislabelled(f"the order is not for {me.host}")
    _check_time("the order", expires=found.expires, now=now)
    return found


def judge_plan_request(
    standing: Standing, request: bytes, *, document: bytes, proof: Proof, now: int
) -> tuple[PlanRequest, Document]:
    """Whether this host answers what it would do with a candidate document. Nothing is taken: no floor comes back.

    Neither number nor epoch is checked, as a candidate has none.

    Raises:
        Malformed: no request, or no document.
        BadSignature: no operator's login key signed it.
        OutOfScope: the signer may not plan in this scope and ring.
        Mislabelled: another type, estate, scope or host, or a document that is not in the request.
        Expired: too old.
    """
    opened = open_envelope(request, type=order.PLAN_TYPE, limit=order.LIMIT)
    people = askers(standing.policy, opened)
    found = codec.decode(PlanRequest, opened.body, limit=order.LIMIT)
    me = standing.me
    demand(standing.policy, people, Verb.PLAN, place=Place(scope=found.scope, ring=me.ring), now=now)
    _check_addressed(me, estate=found.estate, scope=found.scope)
    _check_time("the plan request", expires=found.expires, now=now)
    return found, _check_mine(_proved(document, proof, root=found.root, count=found.count), me)


def _check_addressed(me: Admission, *, estate: str, scope: str) -> None:
    if (estate, scope) != (me.estate, me.scope):
        raise Mislabelled(f"this is for the scope {scope} of {estate}; {me.host} is in {me.scope} of {me.estate}")


def _check_time(what: str, *, expires: int, now: int) -> None:
    if now > expires:
        raise Expired(f"{what} expired {now - expires} s ago")


# --- the centre --------------------------------------------------------------------------------------------


def judge_author(policy: Policy, envelope: bytes, *, now: int) -> Release:
    """Whether the centre takes a release in: what no host could accept is refused here, where a person is waiting.

    It decides nothing for hosts: each checks all of it again. Numbers and `previous` are the intake's, which knows the
    scope's head; rings and documents are `judge_host`'s.

    Raises:
        Malformed: not a release.
        BadSignature: signed by nobody known, or by too few.
        OutOfScope: the signers may not publish (or remove) in any ring of the scope, or the epoch is not opened.
        Mislabelled: another type or estate, or signed in the future.
        RolledBack: a closed epoch.
        Expired: too old to be taken by anybody.
    """
    found = endorsed(policy, envelope)
    release = found.release
    demand_somewhere(policy, found.people, Verb.PUBLISH, scope=release.scope, now=now)
    if release.removals > 0:
        demand_somewhere(policy, found.people, Verb.REMOVE, scope=release.scope, now=now)
    if release.estate != policy.estate:
        raise Mislabelled(f"a release of the estate {release.estate}, not {policy.estate}")
    _check_epoch(policy, release.scope, release.epoch)
    if release.created > now + MAX_AHEAD:
        hint = "set the clock of the machine that signs, or of the centre"
        raise Mislabelled(f"release {release.number} was signed {release.created - now} s in the future", hint=hint)
    _check_time(f"release {release.number}", expires=release.expires, now=now)
    return release


def judge_host(policy: Policy, found: Endorsed, me: Admission, *, parcel: Parcel, now: int) -> Document:
    """Whether one host would take its part of a release, its floor apart; cheap, as the signatures are looked at once.

    Args:
        policy: in force.
        found: from `endorsed`, of the same release.
        me: the host's admission.
        parcel: its document and proof; the release inside is not looked at.
        now: the centre's time; the time of signing where a host judges again what it has in force.

    Raises:
        Malformed: not a document.
        BadSignature: too few signed for this ring.
        OutOfScope: the signers may not do this in this host's scope and ring.
        Mislabelled: another estate, scope, host or key, or a document that is not in the release.
        RolledBack: a closed epoch.
    """
    _check_granted(policy, found, me, now)
    _check_place(policy, found.release, me)
    return _check_document(found.release, me, document=parcel.document, proof=parcel.proof)
