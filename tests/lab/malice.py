"""What a thief can say: every message of a centre, out of what was stolen, forged, altered, replayed or re-labelled.

Each function makes one message for one siege. The test plays the operator where a case needs something that an operator
really signed and that `orch` would never sign. Which host must say what about it is in tests/system/test_thief.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from orch.common import authoring, codec, order, release
from orch.common import messages as m
from orch.common.crypto import SigningKey
from orch.common.envelope import open_envelope
from orch.common.identity import Admission
from orch.common.order import Kind, Order
from orch.common.release import Go, Parcel
from tests.lab import author
from tests.lab.fleet import ESTATE
from tests.lab.loot import ROOM
from tests.lab.siege import ELSEWHERE, HOST, NEIGHBOUR, SCOPE, Siege

THIEF = SigningKey.generate()
DAY = 86_400


def delivered(parcel: Parcel) -> m.Delivered:
    """How a release travels."""
    return m.Delivered(proof=parcel.proof, release=parcel.release, document=parcel.document)


def good(siege: Siege, number: int = 6, *, host: str = HOST, **changes: Any) -> Parcel:
    """A release that the host would take, was it not for what a case does to it."""
    return siege.parcel(number, by=(siege.people.operator.signing,), name=host, **changes)


def signed_by(key: Callable[[Siege], SigningKey], **changes: Any) -> Callable[[Siege], m.Message]:
    """The next release, signed with another key."""
    return lambda siege: delivered(siege.parcel(6, by=(key(siege),), **changes))


def changed(number: int = 6, **changes: Any) -> Callable[[Siege], m.Message]:
    """A release that the operator really signed, with something in it."""
    return lambda siege: delivered(good(siege, number, **changes))


def flipped(data: bytes, at: int) -> bytes:
    """One bit of one byte is another."""
    at %= len(data)
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def rewritten(envelope: bytes, *, type_: str, body: Callable[[bytes], bytes] = bytes, to: str = "") -> bytes:
    """The same signatures under another body or another type."""
    opened = open_envelope(envelope, type=type_, limit=ROOM)
    signatures = [[item.key_id, item.signature] for item in opened.signatures]
    return codec.encode([to or opened.type, body(opened.body), signatures])


def altered_body(siege: Siege) -> m.Message:
    parcel = good(siege)
    altered = rewritten(parcel.release, type_=release.TYPE, body=lambda body: flipped(body, -1))
    return delivered(replace(parcel, release=altered))


def altered_signature(siege: Siege) -> m.Message:
    parcel = good(siege)
    return delivered(replace(parcel, release=flipped(parcel.release, -1)))


def altered_document(siege: Siege) -> m.Message:
    parcel = good(siege)
    return delivered(replace(parcel, document=flipped(parcel.document, -1)))


def altered_proof(siege: Siege) -> m.Message:
    parcel = good(siege)
    path = tuple(flipped(item, 0) for item in parcel.proof.path)
    return delivered(replace(parcel, proof=replace(parcel.proof, path=path)))


def another_index(siege: Siege) -> m.Message:
    parcel = good(siege)
    return delivered(replace(parcel, proof=replace(parcel.proof, index=1)))


def forged_under_the_operators_name(siege: Siege) -> m.Message:
    """The thief's signature beside the key id of the operator."""
    parcel = siege.parcel(6, by=(THIEF,))
    genuine = open_envelope(good(siege).release, type=release.TYPE, limit=ROOM)
    forged = open_envelope(parcel.release, type=release.TYPE, limit=ROOM)
    pairs = [[genuine.signatures[0].key_id, forged.signatures[0].signature]]
    return delivered(replace(parcel, release=codec.encode([release.TYPE, forged.body, pairs])))


def replayed(siege: Siege) -> m.Message:
    """The release before the newest, out of the master's database, as it was signed."""
    older = siege.loot.parcels(HOST)[0]
    assert (older.release.epoch, older.release.number) == (1, 2)
    return delivered(older.parcel)


def same_number(siege: Siege) -> m.Message:
    return delivered(good(siege, siege.held().release.number))


def neighbours(siege: Siege) -> m.Message:
    """The newest release, with the document that it holds for another host."""
    return delivered(siege.held(NEIGHBOUR).parcel)


def of_another_scope(siege: Siege) -> m.Message:
    """Signed by both people that the other scope asks for, and for a host in it."""
    return delivered(siege.parcel(6, by=(operator(siege), siege.people.clerk), name=ELSEWHERE))


def under_another_proof(siege: Siege) -> m.Message:
    """Another host's document where this host's proof is."""
    return delivered(replace(siege.held().parcel, document=siege.held(NEIGHBOUR).parcel.document))


def for_another_key(siege: Siege) -> m.Message:
    return delivered(good(siege, document=siege.evil(curve=bytes(32))))


def plan_as_release(siege: Siege) -> m.Message:
    made = planned(siege, number=1)
    return m.Delivered(proof=made.proof, release=made.release, document=made.document)


def plan_under_the_name_of_release(siege: Siege) -> m.Message:
    made = planned(siege, number=2)
    renamed = rewritten(made.release, type_=order.PLAN_TYPE, to=release.TYPE)
    return m.Delivered(proof=made.proof, release=renamed, document=made.document)


def report_as_release(siege: Siege) -> m.Message:
    report = siege.loot.reports(HOST)[-1]
    return delivered(replace(good(siege), release=report))


def order_as_release(siege: Siege) -> m.Message:
    return delivered(replace(good(siege), release=an_order(siege, by=siege.people.operator.signing)))


def release_as_order(siege: Siege) -> m.Message:
    return m.Ordered(envelope=rewritten(good(siege).release, type_=release.TYPE, to=order.ORDER_TYPE))


def release_as_policy(siege: Siege) -> m.Message:
    return m.PolicySent(version=3, envelope=good(siege).release)


def release_as_plan(siege: Siege) -> m.Message:
    parcel = good(siege)
    return m.PlanAsked(proof=parcel.proof, request=parcel.release, document=parcel.document)


def an_order(siege: Siege, *, by: SigningKey, kind: Kind = Kind.RECONCILE, host: str = HOST) -> bytes:
    made = Order(
        estate=ESTATE,
        scope=SCOPE,
        id=bytes(15) + b"\x01",
        hosts=(siege.curve(host),),
        kind=kind,
        issued=author.now() - 5,
        expires=author.now() + 600,
    )
    return authoring.sign_order(made, keys=(by,))


def planned(siege: Siege, *, number: int, by: SigningKey | None = None) -> Parcel:
    """A plan request as an operator sends it with each `orch plan`, in the shape of a parcel."""
    question = author.question(number, scope=SCOPE)
    key = by or siege.people.operator.login
    return authoring.sign_plan_request(question, (siege.evil(), siege.evil(NEIGHBOUR)), keys=(key,)).parcel(0)


def policy_by(key: Callable[[Siege], SigningKey], **changes: Any) -> Callable[[Siege], m.Message]:
    """The third policy: the thief may do everything, too."""

    def say(siege: Siege) -> m.Message:
        now = siege.loot.policy()
        thief = replace(now.operators[0], name="thief", login=SigningKey.generate().public, signing=THIEF.public)
        people = (*now.operators, thief)
        return m.PolicySent(version=3, envelope=author.next_policy(now, by=(key(siege),), operators=people, **changes))

    return say


def admission_by(key: Callable[[Siege], SigningKey], **changes: Any) -> Callable[[Siege], m.Message]:
    """The host's own admission with something changed, and a higher serial."""

    def say(siege: Siege) -> m.Message:
        mine = siege.loot.admissions()[HOST][0]
        made: Admission = replace(mine, **{"serial": mine.serial + 1, **changes})
        return m.Admitted(serial=made.serial, envelope=authoring.sign_admission(made, keys=(key(siege),)))

    return say


def neighbours_admission(siege: Siege) -> m.Message:
    admission, envelope = siege.loot.admissions()[NEIGHBOUR]
    return m.Admitted(serial=admission.serial, envelope=envelope)


def go_by_the_thief(siege: Siege) -> m.Message:
    held = siege.held()
    made = Go(
        estate=ESTATE,
        scope=SCOPE,
        epoch=held.release.epoch,
        number=held.release.number,
        release=held.hash,
        rings=(siege.loot.admissions()[HOST][0].ring,),
        issued=author.now(),
        expires=author.now() + DAY,
    )
    return m.WentOn(envelope=authoring.sign_go(made, keys=(THIEF,)))


def return_of(number: int, returns: Callable[[Siege], bytes]) -> Callable[[Siege], m.Message]:
    """A return that the operator signed."""
    return lambda siege: delivered(good(siege, number, returns=returns(siege)))


def thief(_: Siege) -> SigningKey:
    return THIEF


def operator(siege: Siege) -> SigningKey:
    return siege.people.operator.signing


def asked(parcel: Parcel) -> m.PlanAsked:
    """How a plan request travels."""
    return m.PlanAsked(proof=parcel.proof, request=parcel.release, document=parcel.document)
