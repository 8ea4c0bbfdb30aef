"""Whether a host heeds a go, an order, a request to plan."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from orch.common import authoring, codec, trust
from orch.common import document as documents_
from orch.common import order as orders
from orch.common import release as releases
from orch.common.authoring import Authored
from orch.common.envelope import seal
from orch.common.errors import (
    BadSignature,
    Expired,
    Malformed,
    Mislabelled,
    OrchError,
    OutOfScope,
    RolledBack,
)
from orch.common.order import Kind, Order
from orch.common.policy import Grant, Verb
from orch.common.release import Go
from orch.common.standing import Standing
from tests.fakes.signed_estate import (
    ALL,
    DAY,
    ESTATE,
    NOW,
    POLICY,
    admission,
    after,
    document,
    draft,
    judge,
    keys,
    person,
    plan_request,
    policy_bytes,
    release,
    standing,
)

STEP = release()
ME = admission()
CANARY = standing(me=admission(ring="canary"))


NORTH = admission(scope="north")

# --- go ----------------------------------------------------------------------------------------------------------------

HELD = after(release(draft(needs_go=True)), CANARY)
GO = Go(
    estate=ESTATE,
    scope="main",
    epoch=1,
    number=2,
    release=HELD.floor.release,
    rings=("canary",),
    issued=NOW,
    expires=NOW + DAY,
)


def go(*, by: str = "bert", now: int = NOW, state: Standing = HELD, **changes: object) -> Go:
    made = authoring.sign_go(replace(GO, **changes), keys=keys(by))  # type: ignore[arg-type]
    return trust.judge_go(state, made, now=now)


def test_a_go_lets_a_ring_begin() -> None:
    assert go() == GO
    assert go(now=GO.expires) == GO


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"by": "stranger"}, BadSignature),
        ({"by": "fresh"}, BadSignature),
        ({"by": "carl"}, OutOfScope),
        ({"by": "bert", "state": after(STEP)}, OutOfScope),
        ({"estate": "x"}, Mislabelled),
        ({"scope": "north", "by": "anna"}, Mislabelled),
        ({"rings": ("stable", "late")}, Mislabelled),
        ({"epoch": 2}, OutOfScope),
        ({"epoch": 0}, RolledBack),
        ({"number": 4}, Mislabelled),
        ({"release": bytes(32)}, Mislabelled),
        ({"number": 0}, RolledBack),
        ({"now": NOW + DAY + 1}, Expired),
    ],
)
def test_refuses_a_go(changes: dict[str, object], error: type[OrchError]) -> None:
    with pytest.raises(error):
        go(**changes)  # type: ignore[arg-type]


# --- orders --------------------------------------------------------------------------------------------------------------

ORDER = Order(
    estate=ESTATE,
    scope="main",
    id=bytes(16),
    hosts=(bytes(32), ME.curve),
    kind=Kind.RUN,
    arguments=("uptime",),
    issued=NOW,
    expires=NOW + 300,
)


def order(*, by: str = "anna", now: int = NOW, state: Standing | None = None, **changes: object) -> Order:
    made = authoring.sign_order(replace(ORDER, **changes), keys=keys(by))  # type: ignore[arg-type]
    return trust.judge_order(state or standing(), made, now=now)


@pytest.mark.parametrize("kind", Kind)
def test_does_what_somebody_granted_it_orders(kind: Kind) -> None:
    assert order(kind=kind).kind is kind


@pytest.mark.parametrize(
    ("verb", "kinds"),
    [(Verb.RUN, {Kind.RUN, Kind.RESTART}), (Verb.REBOOT, {Kind.REBOOT}), (Verb.PUBLISH, {Kind.RECONCILE})],
)
def test_each_kind_needs_its_verb(verb: Verb, kinds: set[Kind]) -> None:
    state = standing(policy=replace(POLICY, operators=(person("eve", Grant(ALL, ALL, (verb,))),)))
    for kind in Kind:
        if kind in kinds:
            assert order(kind=kind, by="eve", state=state).kind is kind
            continue
        with pytest.raises(OutOfScope):
            order(kind=kind, by="eve", state=state)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"by": "stranger"}, BadSignature),
        ({"by": "anna login"}, BadSignature),
        ({"by": "bert"}, OutOfScope),
        ({"by": "dora"}, OutOfScope),
        ({"hosts": (bytes(32),)}, Mislabelled),
        ({"estate": "x"}, Mislabelled),
        ({"scope": "north"}, Mislabelled),
        ({"now": NOW + 301}, Expired),
    ],
)
def test_refuses_an_order(changes: dict[str, object], error: type[OrchError]) -> None:
    with pytest.raises(error):
        order(**changes)  # type: ignore[arg-type]


# --- plan requests -----------------------------------------------------------------------------------------------------------


def plan(made: Authored, state: Standing | None = None, *, at: int = 0, now: int = NOW) -> documents_.Document:
    return trust.judge_plan_request(
        state or standing(), made.envelope, document=made.documents[at], proof=made.proofs[at], now=now
    )[1]


def test_answers_what_a_login_key_asks() -> None:
    assert plan(plan_request()) == document()
    assert plan(plan_request(by=("bert login",)), CANARY) == document()


@pytest.mark.parametrize(
    ("made", "error"),
    [
        (plan_request(by=("stranger",)), BadSignature),
        (plan_request(by=("anna",)), BadSignature),
        (plan_request(by=("fresh",)), BadSignature),
        (plan_request(by=("carl login",)), OutOfScope),
        (plan_request(by=("bert login",)), OutOfScope),
        (plan_request(expires=NOW - 1), Expired),
        (plan_request(issued=1, expires=2), Expired),
    ],
)
def test_refuses_a_plan_request(made: Authored, error: type[OrchError]) -> None:
    with pytest.raises(error):
        plan(made)


def test_a_plan_request_is_for_the_hosts_that_it_names() -> None:
    with pytest.raises(Mislabelled):
        plan(plan_request(), at=1)
    with pytest.raises(Mislabelled, match="this is for the scope main of lab"):
        plan(plan_request(), standing(me=NORTH))
    made = plan_request()
    with pytest.raises(Mislabelled, match="not among"):
        plan(replace(made, documents=(codec.encode(document(commit="x")), *made.documents[1:])))


def test_what_has_expired_says_since_when() -> None:
    assert order(now=ORDER.expires) == ORDER
    with pytest.raises(Expired, match="the order expired 7 s ago"):
        order(now=ORDER.expires + 7)


def test_a_plan_request_is_never_a_release() -> None:
    made = plan_request(by=("anna login", "anna"))
    with pytest.raises(Mislabelled, match="plan-request"):
        judge(made)
    # Nor are its bytes, signed as a release by its own author's login key.
    body = codec.encode(trust.judge_plan_request(
        standing(), made.envelope, document=made.documents[0], proof=made.proofs[0], now=NOW
    )[0])  # fmt: skip
    for key, error in (("anna login", BadSignature), ("anna", Malformed)):
        with pytest.raises(error):
            judge(replace(made, envelope=seal(releases.TYPE, body, keys(key))))


def test_a_release_is_never_a_plan_request() -> None:
    with pytest.raises(Mislabelled):
        plan(STEP)


def test_types_are_not_spliced() -> None:
    """What one kind of statement signs, no other kind is: every verdict refuses every other envelope."""
    verdicts: dict[str, Callable[[bytes], object]] = {
        releases.TYPE: lambda data: trust.judge_author(POLICY, data, now=NOW),
        releases.GO_TYPE: lambda data: trust.judge_go(HELD, data, now=NOW),
        orders.ORDER_TYPE: lambda data: trust.judge_order(standing(), data, now=NOW),
        "orch/policy/1": lambda data: trust.take_policy(POLICY, data),
    }
    envelopes = {
        releases.TYPE: STEP.envelope,
        releases.GO_TYPE: authoring.sign_go(GO, keys=keys("anna")),
        orders.ORDER_TYPE: authoring.sign_order(ORDER, keys=keys("anna")),
        "orch/policy/1": policy_bytes(),
    }
    for kind, verdict in verdicts.items():
        assert verdict(envelopes[kind])
        for other, envelope in envelopes.items():
            if other == kind:
                continue
            with pytest.raises(Mislabelled):
                verdict(envelope)
            parts = codec.parse(envelope, limit=1 << 20)
            assert isinstance(parts, list)
            assert parts[0] == other
            with pytest.raises(BadSignature):
                verdict(codec.encode([kind, *parts[1:]]))
