"""From the pinned root to a host: policies, requests, admissions, revocations, resets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from orch.common import attest, authoring, codec, trust
from orch.common import policy as policies
from orch.common.chain import refuse_stale_policy
from orch.common.crypto import sha256
from orch.common.envelope import seal
from orch.common.errors import (
    BadSignature,
    Equivocation,
    Malformed,
    Mislabelled,
    OrchError,
    OutOfScope,
    RolledBack,
)
from orch.common.identity import REQUEST_TYPE, Admission, Reset, Revocation
from orch.common.policy import Grant, KeySet, Policy, ScopeEpoch, Threshold, Verb
from orch.common.standing import Floor
from tests.fakes.signed_estate import (
    ALL,
    ANNA,
    BERT,
    CARL,
    DAY,
    ESTATE,
    NOW,
    POLICY,
    admission,
    admission_bytes,
    body_hash,
    document,
    documents,
    draft,
    keys,
    person,
    policy_bytes,
    release,
    request,
    signing,
    standing,
)

FIRST = policy_bytes()
SECOND = replace(POLICY, version=2)


def root(threshold: int, *names: str) -> KeySet:
    return KeySet(threshold, tuple(signing(name).public for name in names))


# --- policies ------------------------------------------------------------------------------------------------


def test_the_first_policy_is_the_pinned_one() -> None:
    assert trust.take_policy(None, FIRST, pinned=body_hash(FIRST)) == POLICY


def test_a_medium_may_pin_any_version() -> None:
    later = policy_bytes(replace(POLICY, version=7))
    assert trust.take_policy(None, later, pinned=body_hash(later)).version == 7


@pytest.mark.parametrize("pin", [None, b"", bytes(32), sha256(FIRST)])
def test_no_first_policy_without_its_pin(pin: bytes | None) -> None:
    with pytest.raises(BadSignature, match="pinned"):
        trust.take_policy(None, FIRST, pinned=pin)


def test_a_pinned_policy_also_carries_its_own_threshold() -> None:
    for envelope in (policy_bytes(POLICY, "anna"), seal(policies.TYPE, codec.encode(POLICY), ())):
        with pytest.raises(BadSignature, match="asks for itself"):
            trust.take_policy(None, envelope, pinned=body_hash(envelope))


def test_takes_the_next_version() -> None:
    assert trust.take_policy(POLICY, policy_bytes(SECOND)) == SECOND


def test_the_same_version_again_changes_nothing() -> None:
    assert trust.take_policy(POLICY, FIRST) is POLICY


def test_a_rotation_needs_the_old_root_and_the_new() -> None:
    rotated = replace(SECOND, root=root(2, "new1", "new2", "new3"))
    assert trust.take_policy(POLICY, policy_bytes(rotated, "root", "new1", "new3")) == rotated
    for signers in (("root",), ("root", "new1"), ("new1", "new2", "new3"), ("new1", "new2", "anna")):
        with pytest.raises(BadSignature):
            trust.take_policy(POLICY, policy_bytes(rotated, *signers))


def test_a_root_of_three_needs_two_of_them_each_time() -> None:
    current = replace(POLICY, root=root(2, "a", "b", "c"))
    following = replace(current, version=2)
    for signers in (("a", "b"), ("a", "c"), ("b", "c"), ("a", "b", "c")):
        assert trust.take_policy(current, policy_bytes(following, *signers)) == following
    too_few: tuple[tuple[str, ...], ...] = (("a",), ("b",), ("a", "a"), ("a", "x"), ("x", "y"), ("anna", "a"))
    for few in too_few:
        with pytest.raises(BadSignature):
            trust.take_policy(current, policy_bytes(following, *few))


def test_cve_2020_15163_a_policy_that_fails_its_own_threshold_is_not_believed_once_stored() -> None:
    rotated = replace(SECOND, root=root(1, "new"))
    with pytest.raises(BadSignature):
        trust.take_policy(POLICY, policy_bytes(rotated, "root"))
    # Somebody stored it all the same: version 3, signed by the new root, is still refused, as version 1 is in force.
    with pytest.raises(BadSignature):
        trust.take_policy(POLICY, policy_bytes(replace(rotated, version=3), "new"))


def test_cve_2020_6174_one_key_twice_is_not_two() -> None:
    current = replace(POLICY, root=root(2, "a", "b"))
    envelope = policy_bytes(replace(current, version=2), "a", "a")
    with pytest.raises(BadSignature):
        trust.take_policy(current, envelope)


def test_cve_2022_29173_an_older_policy_is_refused() -> None:
    with pytest.raises(RolledBack):
        trust.take_policy(SECOND, FIRST)


@pytest.mark.parametrize(
    ("following", "error"),
    [
        (replace(SECOND, estate="other"), Mislabelled),
        (replace(POLICY, version=3), Mislabelled),
        (replace(POLICY, version=1_000_000), Mislabelled),
        (replace(POLICY, issued=1), Equivocation),
        (replace(SECOND, epochs=()), RolledBack),
        (replace(SECOND, epochs=(ScopeEpoch("main", 2),)), RolledBack),
    ],
)
def test_refuses_a_policy_that_does_not_follow(following: Policy, error: type[OrchError]) -> None:
    current = replace(POLICY, epochs=(ScopeEpoch("main", 3),))
    if following.version == 1:
        following = replace(following, epochs=current.epochs)
    with pytest.raises(error):
        trust.take_policy(current, policy_bytes(following))


def test_an_epoch_may_stay_or_rise() -> None:
    current = replace(POLICY, epochs=(ScopeEpoch("main", 3),))
    assert trust.take_policy(current, policy_bytes(replace(current, version=2))).epoch("main") == 3
    raised = replace(SECOND, epochs=(ScopeEpoch("main", 5), ScopeEpoch("north", 2)))
    assert trust.take_policy(POLICY, policy_bytes(raised)).epoch("main") == 5


def test_a_policy_above_its_size_is_refused_before_anything_else() -> None:
    with pytest.raises(Malformed, match="bytes"):
        trust.take_policy(POLICY, seal(policies.TYPE, bytes(policies.LIMIT + 1), keys("root")))


def test_a_root_signature_makes_no_sense_of_nonsense() -> None:
    with pytest.raises(Malformed):
        trust.take_policy(POLICY, seal(policies.TYPE, b"\x80", keys("root")))


def test_the_recovery_key_alone_drops_a_lost_operator() -> None:
    made = release()
    assert trust.judge_release(standing(), made.parcel(0), now=NOW).release.number == 2
    heir = person("heir", Grant(ALL, ALL, tuple(Verb)))
    without = replace(SECOND, root=root(1, "recovery", "root2"), operators=(heir,))
    taken = trust.take_policy(POLICY, policy_bytes(without, "recovery"))
    with pytest.raises(BadSignature):
        trust.judge_release(standing(policy=taken), made.parcel(0), now=NOW)
    again = release(draft(4), by=("heir",))
    assert trust.judge_release(standing(policy=taken), again.parcel(0), now=NOW).release.number == 4
    with pytest.raises(BadSignature):  # the lost root key commands no more
        trust.take_policy(taken, policy_bytes(replace(POLICY, version=3), "root"))


def test_a_stored_policy_that_the_floor_knows_to_be_old_is_refused() -> None:
    floor = Floor(policy_version=2, policy_hash=b"h" * 32)
    refuse_stale_policy(SECOND, b"h" * 32, floor)
    refuse_stale_policy(replace(POLICY, version=3), b"x" * 32, floor)
    with pytest.raises(RolledBack):
        refuse_stale_policy(POLICY, b"h" * 32, floor)
    with pytest.raises(Equivocation):
        refuse_stale_policy(SECOND, b"x" * 32, floor)


# --- requests --------------------------------------------------------------------------------------------------


def test_a_request_is_signed_with_the_key_it_presents() -> None:
    envelope = attest.sign_identity_request(request(), signing("library/dom0"))
    assert trust.check_identity_request(envelope, estate=ESTATE) == request()
    assert trust.check_identity_request(envelope) == request()
    with pytest.raises(Mislabelled):
        trust.check_identity_request(envelope, estate="other")


def test_a_request_with_a_borrowed_key_is_refused() -> None:
    forged = seal(REQUEST_TYPE, codec.encode(request()), keys("somebody"))
    with pytest.raises(BadSignature):
        trust.check_identity_request(forged)
    with pytest.raises(Malformed):
        attest.sign_identity_request(request(), signing("somebody"))


def test_cve_2021_41131_a_name_is_never_a_path() -> None:
    for name in ("../../etc/x", "a/b/c", "/etc/passwd", "a\x00/b"):
        forged = seal(REQUEST_TYPE, codec.encode(replace(request(), host=name)), keys("library/dom0"))
        with pytest.raises(Malformed):
            trust.check_identity_request(forged)


# --- admissions --------------------------------------------------------------------------------------------------

ME = admission()


def test_takes_an_admission_of_its_own_keys() -> None:
    for signer in ("anna", "carl"):
        taken = trust.take_admission(POLICY, admission_bytes(ME, signer), mine=request(), current=None, now=NOW)
        assert taken == ME
    assert trust.take_admission(POLICY, admission_bytes(ME), mine=None, current=None, now=NOW) == ME


@pytest.mark.parametrize(
    ("signer", "error"),
    [("bert", OutOfScope), ("root", BadSignature), ("fresh", BadSignature), ("anna login", BadSignature)],
)
def test_only_who_may_enrol_admits(signer: str, error: type[OrchError]) -> None:
    with pytest.raises(error):
        trust.take_admission(POLICY, admission_bytes(ME, signer), mine=request(), current=None, now=NOW)


def test_an_admission_to_a_scope_beyond_the_grant_is_refused() -> None:
    made = admission(scope="north")
    with pytest.raises(OutOfScope):
        trust.take_admission(POLICY, admission_bytes(made, "carl"), mine=request(), current=None, now=NOW)


def test_the_enrolment_keys_admit_everywhere() -> None:
    policy = replace(POLICY, enrolment=root(2, "desk1", "desk2"), operators=(BERT,))
    made = admission(scope="north")
    taken = trust.take_admission(policy, admission_bytes(made, "desk1", "desk2"), mine=None, current=None, now=NOW)
    assert taken == made
    with pytest.raises(BadSignature):
        trust.take_admission(policy, admission_bytes(made, "desk1"), mine=None, current=None, now=NOW)
    # An operator's signature beside too few of the desk's adds nothing to them.
    with pytest.raises(OutOfScope):
        trust.take_admission(policy, admission_bytes(made, "desk1", "bert"), mine=None, current=None, now=NOW)


@pytest.mark.parametrize("member", ["host", "curve", "sign", "seal"])
def test_the_centre_cannot_have_another_key_admitted_under_this_name(member: str) -> None:
    swapped = replace(ME, **{member: "other/dom0" if member == "host" else bytes(32)})  # type: ignore[arg-type]
    with pytest.raises(Mislabelled):
        trust.take_admission(POLICY, admission_bytes(swapped), mine=request(), current=None, now=NOW)


def test_an_admission_to_another_estate_is_refused() -> None:
    with pytest.raises(Mislabelled, match="estate"):
        trust.take_admission(POLICY, admission_bytes(replace(ME, estate="x")), mine=None, current=None, now=NOW)


@pytest.mark.parametrize(
    ("made", "error"),
    [
        (admission(serial=4), RolledBack),
        (admission(serial=5, ring="canary"), Equivocation),
        (replace(admission(serial=6), curve=bytes(32)), Mislabelled),
    ],
)
def test_an_admission_follows_by_its_serial(made: Admission, error: type[OrchError]) -> None:
    with pytest.raises(error):
        trust.take_admission(POLICY, admission_bytes(made), mine=None, current=admission(serial=5), now=NOW)


def test_a_higher_serial_moves_a_host_and_the_same_one_changes_nothing() -> None:
    current = admission(serial=5)
    moved = admission(serial=6, ring="canary")
    assert trust.take_admission(POLICY, admission_bytes(moved), mine=request(), current=current, now=NOW) == moved
    assert trust.take_admission(POLICY, admission_bytes(current), mine=None, current=current, now=NOW) is current


# --- revocations ---------------------------------------------------------------------------------------------------

GONE = Revocation(estate=ESTATE, host=ME.host, curve=ME.curve, issued=NOW, reason="stolen")


def revoked(made: Revocation = GONE, *, by: str = "carl", known: bool = True) -> Revocation:
    envelope = authoring.sign_revocation(made, keys=keys(by))
    return trust.take_revocation(POLICY, envelope, admission=ME if known else None, now=NOW)


def test_who_may_enrol_a_host_may_revoke_it() -> None:
    assert revoked() == GONE
    assert revoked(by="anna", known=False) == GONE


@pytest.mark.parametrize(
    ("attempt", "error"),
    [
        (lambda: revoked(by="bert"), OutOfScope),
        (lambda: revoked(by="fresh"), BadSignature),
        (lambda: revoked(known=False), OutOfScope),
        (lambda: revoked(replace(GONE, estate="x")), Mislabelled),
        (lambda: revoked(replace(GONE, host="a/b")), Mislabelled),
        (lambda: revoked(replace(GONE, curve=bytes(32))), Mislabelled),
    ],
)
def test_refuses_to_revoke(attempt: Callable[[], Revocation], error: type[OrchError]) -> None:
    with pytest.raises(error):
        attempt()


def test_a_threshold_for_enrolment_counts_people() -> None:
    policy = replace(POLICY, thresholds=(Threshold(Verb.ENROL, "main", 2),))
    twice = authoring.sign_admission(ME, keys=keys("anna", "carl"))
    assert trust.take_admission(policy, twice, mine=None, current=None, now=NOW) == ME
    with pytest.raises(BadSignature):
        trust.take_admission(policy, admission_bytes(ME, "anna", "anna"), mine=None, current=None, now=NOW)
    with pytest.raises(OutOfScope):
        trust.take_admission(policy, admission_bytes(ME, "anna", "bert"), mine=None, current=None, now=NOW)


# --- resets --------------------------------------------------------------------------------------------------------

NONCE = sha256(b"the host's question")
RESET = Reset(estate=ESTATE, curve=ME.curve, nonce=NONCE, epoch=1, number=8, issued=NOW)


def reset(made: Reset = RESET, *, by: tuple[str, ...] = ("root", "carl")) -> Reset:
    return trust.take_reset(POLICY, authoring.sign_reset(made, keys=keys(*by)), me=ME, nonce=NONCE, now=NOW)


def test_root_and_an_operator_bring_a_host_back() -> None:
    assert reset() == RESET


@pytest.mark.parametrize(
    ("attempt", "error"),
    [
        (lambda: reset(by=("root",)), BadSignature),
        (lambda: reset(by=("carl",)), BadSignature),
        (lambda: reset(by=("fresh", "carl")), BadSignature),
        (lambda: reset(by=("root", "bert")), OutOfScope),
        (lambda: reset(replace(RESET, nonce=bytes(32))), Mislabelled),
        (lambda: reset(replace(RESET, curve=bytes(32))), Mislabelled),
        (lambda: reset(replace(RESET, estate="x")), Mislabelled),
        (lambda: reset(replace(RESET, epoch=2)), RolledBack),
    ],
)
def test_refuses_to_reset(attempt: Callable[[], Reset], error: type[OrchError]) -> None:
    with pytest.raises(error):
        attempt()


def test_after_a_reset_that_number_and_newer_ones_are_taken() -> None:
    state = standing()
    floor = trust.floor_after(reset(), me=ME, policy_=POLICY, policy_hash=state.policy_hash)
    state = replace(state, floor=floor)
    taken = trust.judge_release(state, release(draft(8)).parcel(0), now=NOW)
    assert (taken.again, taken.floor.number) == (False, 8)
    assert trust.judge_release(state, release(draft(10)).parcel(0), now=NOW).floor.number == 10
    with pytest.raises(RolledBack):
        trust.judge_release(state, release(draft(6)).parcel(0), now=NOW)
    other = release(draft(8, note="other"), contents=documents(document()))
    with pytest.raises(Equivocation):  # once only
        trust.judge_release(replace(state, floor=taken.floor), other.parcel(0), now=NOW)


def test_the_days_of_people_end_for_enrolment_too() -> None:
    policy = replace(POLICY, operators=(replace(CARL, not_after=NOW - DAY), ANNA))
    with pytest.raises(OutOfScope):
        trust.take_admission(policy, admission_bytes(ME, "carl"), mine=None, current=None, now=NOW)


def test_nobody_draws_a_host_out_of_a_scope_or_ring_that_is_not_theirs() -> None:
    eve = person("eve", Grant(("lab",), ALL, (Verb.ENROL, Verb.PUBLISH)), Grant(("main",), ("canary",), (Verb.ENROL,)))
    policy = replace(POLICY, operators=(*POLICY.operators, eve))
    now_in = admission()
    for moved in (admission(scope="lab", serial=2), admission(ring="canary", serial=2)):
        trust.take_admission(policy, admission_bytes(moved, "eve"), mine=request(), current=None, now=NOW)
        with pytest.raises(OutOfScope):
            trust.take_admission(policy, admission_bytes(moved, "eve"), mine=request(), current=now_in, now=NOW)
        both = admission_bytes(moved, "eve", "anna")
        assert trust.take_admission(policy, both, mine=request(), current=now_in, now=NOW) == moved
