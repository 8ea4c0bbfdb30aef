"""A small estate with real keys: people, a policy, admitted hosts, and whatever they sign.

Keys are made from seeds, so a failing case is the same case again. Nothing here is a fake of a Protocol: these are the
real makers with short arguments.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache

from orch.common import attest, authoring, codec, trust
from orch.common.authoring import Authored, Draft, Question
from orch.common.crypto import CurveKey, SigningKey, sha256
from orch.common.document import Document
from orch.common.envelope import open_envelope, seal
from orch.common.identity import Admission, IdentityRequest
from orch.common.merkle import Proof, leaf
from orch.common.policy import TYPE, Centre, Grant, KeySet, Operator, Policy, Verb
from orch.common.release import TYPE as RELEASE_TYPE
from orch.common.release import Fresh, Parcel
from orch.common.standing import Accepted, Floor, Standing

NOW = 1_800_000_000
"""The day on which every case happens, in seconds since 1970."""

DAY = 86_400
ESTATE = "lab"
ALL = ("*",)


@cache
def signing(name: str) -> SigningKey:
    """The same signing key for the same name."""
    return SigningKey.from_seed(sha256(b"signing " + name.encode()))


@cache
def curve(name: str) -> CurveKey:
    """The same curve key for the same name."""
    return CurveKey.from_secret(sha256(b"curve " + name.encode()))


def person(name: str, *grants: Grant, not_after: int = 0) -> Operator:
    """An operator; keys are `signing(name)`, `signing(name + " login")` and `curve(name)`."""
    return Operator(
        name=name,
        login_curve=curve(name).public,
        login=signing(f"{name} login").public,
        signing=signing(name).public,
        grants=grants,
        not_after=not_after,
    )


def keys(*names: str) -> tuple[SigningKey, ...]:
    """Signing keys by name."""
    return tuple(signing(name) for name in names)


ANNA = person("anna", Grant(ALL, ALL, tuple(Verb)))
BERT = person("bert", Grant(("main",), ("canary",), (Verb.PUBLISH, Verb.PLAN)))
CARL = person("carl", Grant(("main",), ALL, (Verb.ENROL,)))
DORA = person("dora", Grant(("main",), ALL, (Verb.PUBLISH, Verb.RUN)), not_after=NOW - DAY)

POLICY = Policy(
    estate=ESTATE,
    version=1,
    issued=NOW - 30 * DAY,
    root=KeySet(1, (signing("root").public, signing("recovery").public)),
    operators=(ANNA, BERT, CARL, DORA),
    centre=Centre(("tcp://centre:4505",), (curve("centre").public,), (signing("fresh").public,)),
)


def policy_bytes(policy: Policy = POLICY, *signers: str) -> bytes:
    """The policy's envelope, signed by `root` unless names are given."""
    return authoring.sign_policy(policy, keys=keys(*(signers or ("root",))))


def body_hash(envelope: bytes, type_: str = TYPE) -> bytes:
    """SHA-256 of an envelope's body."""
    return open_envelope(envelope, type=type_, limit=1 << 20).hash


def admission(host: str = "library/dom0", *, scope: str = "main", ring: str = "stable", serial: int = 1) -> Admission:
    """The admission of a host; its keys come from its name."""
    return Admission(
        estate=ESTATE,
        host=host,
        curve=curve(host).public,
        sign=signing(host).public,
        seal=curve(f"{host} seal").public,
        scope=scope,
        ring=ring,
        serial=serial,
        issued=NOW - DAY,
    )


def admission_bytes(made: Admission, *signers: str) -> bytes:
    """An admission's envelope, signed by `anna` unless names are given."""
    return authoring.sign_admission(made, keys=keys(*(signers or ("anna",))))


def request(host: str = "library/dom0") -> IdentityRequest:
    """What that host asks."""
    me = admission(host)
    return IdentityRequest(estate=ESTATE, host=host, curve=me.curve, sign=me.sign, seal=me.seal, machine="a machine")


def standing(*, policy: Policy = POLICY, me: Admission | None = None, floor: Floor | None = None) -> Standing:
    """A host that has just been admitted, unless something else is said."""
    digest = sha256(codec.encode(policy))
    return Standing(
        policy=policy,
        policy_hash=digest,
        me=me or admission(),
        floor=(floor or Floor()).with_policy(policy, digest),
    )


def document(me: Admission | None = None, *, commit: str = "") -> Document:
    """The smallest document of a host."""
    me = me or admission()
    return Document(estate=me.estate, host=me.host, curve=me.curve, scope=me.scope, commit=commit)


def documents(*made: Document, others: int = 3) -> tuple[bytes, ...]:
    """Bytes of the documents (that of `library/dom0` if none), and of some other hosts behind them."""
    scope = made[0].scope if made else "main"
    rest = (document(admission(f"site{at}/dom0", scope=scope)) for at in range(others))
    return tuple(codec.encode(item) for item in (*(made or (document(),)), *rest))


def draft(number: int = 2, **changes: object) -> Draft:
    """A release of scope main, made an hour ago, good for thirty days."""
    made = Draft(estate=ESTATE, scope="main", epoch=1, number=number, created=NOW - 3600, expires=NOW + 30 * DAY)
    return replace(made, **changes)  # type: ignore[arg-type]


def release(
    made: Draft | None = None, *, by: tuple[str, ...] = ("anna",), contents: tuple[bytes, ...] = ()
) -> Authored:
    """A signed release; parcel 0 is that of `library/dom0`."""
    return authoring.sign_release(made or draft(), contents or documents(), keys=keys(*by))


def forged_parcel(
    content: bytes | None = None, *, by: str = "anna", members: Mapping[str, object] | None = None
) -> Parcel:
    """A well-signed release over one document that its maker would refuse; `members` replace what a good one says."""
    content = codec.encode(document()) if content is None else content
    body = {
        "estate": ESTATE,
        "scope": "main",
        "epoch": 1,
        "number": 2,
        "previous": b"",
        "created": NOW,
        "expires": NOW + DAY,
        "root": leaf(content),
        "count": 1,
        **(members or {}),
    }
    return Parcel(seal(RELEASE_TYPE, codec.encode(body), keys(by)), content, Proof(0, ()))


def judge(made: Authored, state: Standing | None = None, *, now: int = NOW) -> Accepted:
    """What `library/dom0` says to the release."""
    return trust.judge_release(state or standing(), made.parcel(0), now=now)


def after(made: Authored, state: Standing | None = None) -> Standing:
    """The standing of a host that took this release."""
    state = state or standing()
    return replace(state, floor=judge(made, state).floor)


def plan_request(*, by: tuple[str, ...] = ("anna login",), **changes: object) -> Authored:
    """A signed plan request; parcel 0 is that of `library/dom0`."""
    made = Question(estate=ESTATE, scope="main", id=bytes(16), issued=NOW, expires=NOW + 60)
    return authoring.sign_plan_request(replace(made, **changes), documents(), keys=keys(*by))  # type: ignore[arg-type]


@dataclass(frozen=True)
class Answer:
    """A proof of freshness, and the nonce that it answers."""

    envelope: bytes
    nonce: bytes


def fresh(*, by: str = "fresh", **changes: object) -> Answer:
    """A good proof of freshness for `library/dom0`, unless something else is said."""
    nonce = sha256(b"nonce")[:16]
    made = Fresh(
        estate=ESTATE, curve=admission().curve, nonce=nonce, policy=1, epoch=1, number=2, release=b"", time=NOW
    )
    return Answer(attest.sign_fresh(replace(made, **changes), signing(by)), nonce)  # type: ignore[arg-type]
