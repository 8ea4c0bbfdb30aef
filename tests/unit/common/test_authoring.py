"""What the operator's tool will not sign, because no host could take it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orch.common import authoring, codec, order, trust
from orch.common import policy as policies
from orch.common import release as releases
from orch.common.envelope import open_envelope, signers
from orch.common.errors import Malformed, Mislabelled
from tests.fakes.signed_estate import (
    NOW,
    POLICY,
    admission,
    admission_bytes,
    document,
    documents,
    draft,
    keys,
    plan_request,
    policy_bytes,
    release,
    signing,
    standing,
)


def test_a_release_signs_exact_bytes_in_their_order() -> None:
    made = release()
    assert made.documents == documents()
    for at, proof in enumerate(made.proofs):
        assert proof.index == at
    assert made.hash == open_envelope(made.envelope, type=releases.TYPE, limit=releases.LIMIT).hash
    found = trust.endorsed(POLICY, made.envelope).release
    assert (found.count, found.note, found.needs_go) == (4, "", False)


@pytest.mark.parametrize("count", [1, 2, 3, 7, 20])
def test_every_host_of_a_release_takes_it(count: int) -> None:
    made = release(contents=documents(others=count - 1))
    for at in range(count):
        host = "library/dom0" if at == 0 else f"site{at - 1}/dom0"
        state = standing(me=admission(host))
        assert trust.judge_release(state, made.parcel(at), now=NOW).document.host == host


@pytest.mark.parametrize(
    ("contents", "problem"),
    [
        ((), "needs a document"),
        ((b"\x80",), "lacks the field"),
        (documents(document(), document(commit="x")), "two documents"),
        (documents(document(), replace(document(), host="a/b")), "two documents"),
        (documents(document(), document(admission("a/b", scope="north"))), "scope north"),
        ((codec.encode(replace(document(), estate="x")),), "of x"),
    ],
)
def test_does_not_sign_documents_that_no_host_could_take(contents: tuple[bytes, ...], problem: str) -> None:
    with pytest.raises(Malformed, match=problem):
        authoring.sign_release(draft(), contents, keys=keys("anna"))


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"number": 3}, "odd numbers"),
        ({"number": 0}, "start at 2"),
        ({"expires": 5}, "expires after"),
        ({"note": "x" * 301}, "note"),
        ({"previous": b"x"}, "32 bytes"),
        ({"removals": -1}, "out of range"),
    ],
)
def test_does_not_sign_a_release_that_no_host_could_read(changes: dict[str, object], problem: str) -> None:
    with pytest.raises(Malformed, match=problem):
        release(draft(**changes))  # type: ignore[arg-type]


def test_does_not_sign_a_policy_above_its_size() -> None:
    many = tuple(
        replace(
            POLICY.operators[0],
            grants=POLICY.operators[0].grants * 4,
            name=f"p{at}",
            signing=signing(f"s{at}").public,
            login=signing(f"l{at}").public,
        )
        for at in range(250)
    )
    with pytest.raises(Malformed, match="at most"):
        policy_bytes(replace(POLICY, operators=many))


def test_an_order_may_name_ten_thousand_hosts() -> None:
    hosts = tuple(at.to_bytes(32, "big") for at in range(10_000))
    made = order.Order(
        estate="lab", scope="main", id=bytes(16), hosts=hosts, kind=order.Kind.RECONCILE, issued=NOW, expires=NOW + 1
    )
    assert authoring.sign_order(made, keys=keys("anna"))


def test_a_plan_request_has_a_type_and_parcels_of_its_own() -> None:
    made = plan_request()
    assert open_envelope(made.envelope, type=order.PLAN_TYPE, limit=order.LIMIT).hash == made.hash
    assert len(made.proofs) == len(made.documents) == 4


def test_a_second_person_signs_what_it_takes_it_for() -> None:
    key = signing("carl")
    both = authoring.cosign(admission_bytes(admission()), type="orch/admission/1", key=key)
    publics = [signing(name).public for name in ("anna", "carl")]
    assert signers(open_envelope(both, type="orch/admission/1", limit=9999), publics) == set(publics)
    with pytest.raises(Mislabelled):
        authoring.cosign(policy_bytes(), type=releases.TYPE, key=key)
    with pytest.raises(Malformed, match="several people"):
        authoring.cosign(plan_request().envelope, type=order.PLAN_TYPE, key=key)
    with pytest.raises(Malformed):
        authoring.cosign(b"", type=policies.TYPE, key=key)
