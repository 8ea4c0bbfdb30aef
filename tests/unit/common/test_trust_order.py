"""Whether a release may follow what a host has: numbers, pairs, epochs, time; and releases without sense."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orch.common import codec, trust
from orch.common import document as documents_
from orch.common import release as releases
from orch.common.authoring import Authored
from orch.common.crypto import sha256
from orch.common.envelope import seal
from orch.common.errors import (
    Equivocation,
    Expired,
    Malformed,
    OutOfScope,
    Refused,
    RolledBack,
    Unpaired,
)
from orch.common.merkle import Proof, Tree, leaf
from orch.common.policy import ScopeEpoch
from orch.common.release import MAX_JUMP, Parcel
from orch.common.standing import Floor, Standing
from tests.fakes.signed_estate import (
    DAY,
    ESTATE,
    NOW,
    POLICY,
    admission,
    after,
    document,
    documents,
    draft,
    forged_parcel,
    judge,
    keys,
    release,
    standing,
)

STEP = release()
ME = admission()
CANARY = standing(me=admission(ring="canary"))


NORTH = admission(scope="north")

# --- order ------------------------------------------------------------------------------------------------------------


def test_cve_2022_29173_an_older_release_is_refused() -> None:
    state = after(release(draft(4)))
    with pytest.raises(RolledBack):
        judge(STEP, state)
    with pytest.raises(RolledBack):
        judge(release(draft(3, returns=STEP.hash)), state)


def test_one_number_with_two_contents_is_an_alarm() -> None:
    with pytest.raises(Equivocation):
        judge(release(draft(note="other")), after(STEP))


def test_one_release_with_two_documents_of_a_host_is_an_alarm() -> None:
    """The maker refuses it; a stolen key would not. The centre could then send the host to and fro."""
    first, second = codec.encode(document()), codec.encode(document(commit="other"))
    tree = Tree([leaf(first), leaf(second)])
    made = forged_parcel(first, members={"root": tree.root, "count": 2})
    one = Parcel(made.release, first, tree.proof(0))
    other = Parcel(made.release, second, tree.proof(1))
    state = standing()
    state = replace(state, floor=trust.judge_release(state, one, now=NOW).floor)
    assert trust.judge_release(state, one, now=NOW).again
    with pytest.raises(Equivocation, match="two documents"):
        trust.judge_release(state, other, now=NOW)


def test_a_stolen_key_cannot_use_up_the_numbers() -> None:
    state = after(STEP)
    assert judge(release(draft(2 + MAX_JUMP)), state).floor.number == 2 + MAX_JUMP
    with pytest.raises(RolledBack, match="jumps"):
        judge(release(draft(4 + MAX_JUMP)), state)
    with pytest.raises(RolledBack, match="jumps"):
        judge(release(draft(2 + MAX_JUMP)))


def test_a_host_that_was_moved_away_and_back_is_not_sent_back() -> None:
    old, new = STEP, release(draft(6))
    state = after(new)
    away = replace(state, me=NORTH)
    moved = judge(release(draft(scope="north"), contents=documents(document(NORTH))), away)
    back = replace(state, floor=moved.floor)
    with pytest.raises(RolledBack):
        judge(old, back)
    assert judge(new, back).again


def epoch(number: int) -> Standing:
    return standing(policy=replace(POLICY, epochs=(ScopeEpoch("main", number),)))


def test_a_new_epoch_starts_the_numbers_anew() -> None:
    state = replace(epoch(2), floor=replace(after(release(draft(400))).floor, policy_hash=epoch(2).policy_hash))
    with pytest.raises(RolledBack, match="closed"):
        judge(release(draft(402)), state)
    taken = judge(release(draft(epoch=2)), state)
    assert (taken.floor.epoch, taken.floor.number) == (2, 2)


def test_an_epoch_that_no_policy_opened_is_refused() -> None:
    with pytest.raises(OutOfScope, match="opened") as caught:
        judge(release(draft(epoch=2)))
    assert "policy" in caught.value.hint


def test_a_jump_in_a_new_epoch_counts_from_zero() -> None:
    state = epoch(2)
    state = replace(state, floor=replace(state.floor, scope="main", epoch=1, number=MAX_JUMP, release=b"x" * 32))
    with pytest.raises(RolledBack, match="jumps"):
        judge(release(draft(MAX_JUMP + 2, epoch=2)), state)


# --- pairs -----------------------------------------------------------------------------------------------------------


def test_a_return_counts_on_a_host_that_runs_its_step() -> None:
    back = release(draft(3, returns=STEP.hash))
    state = after(back, after(STEP))
    assert state.floor.number == 3
    assert judge(release(draft(4)), state).floor.number == 4
    with pytest.raises(RolledBack):
        judge(STEP, state)


@pytest.mark.parametrize(
    ("made", "state"),
    [
        (release(draft(3, returns=STEP.hash)), standing()),
        (release(draft(5, returns=STEP.hash)), after(STEP)),
        (release(draft(3, returns=sha256(b"other"))), after(STEP)),
        (release(draft(5, returns=release(draft(3, returns=STEP.hash)).hash)), after(STEP)),
    ],
)
def test_a_return_without_its_step_is_refused(made: Authored, state: Standing) -> None:
    with pytest.raises(Unpaired):
        judge(made, state)


def test_a_return_does_not_reach_across_epochs() -> None:
    state = replace(epoch(2), floor=replace(after(STEP).floor, policy_hash=epoch(2).policy_hash))
    with pytest.raises(Unpaired):
        judge(release(draft(3, epoch=2, returns=STEP.hash)), state)


# --- time --------------------------------------------------------------------------------------------------------------


def test_an_expired_release_is_not_taken() -> None:
    assert judge(STEP, now=NOW + 30 * DAY).floor.number == 2
    with pytest.raises(Expired, match="expired 1 s ago"):
        judge(STEP, now=NOW + 30 * DAY + 1)


def test_a_clock_that_is_behind_does_not_revive_what_has_expired() -> None:
    state = standing(floor=Floor(signed_time=NOW + 31 * DAY))
    with pytest.raises(Expired):
        judge(STEP, state, now=0)


def test_a_clock_that_is_behind_the_signing_refuses_nothing() -> None:
    assert judge(STEP, now=0).floor.signed_time == NOW - 3600


def test_cve_2009_1358_who_was_revoked_or_has_ended_is_not_believed_on_any_path() -> None:
    for made in (
        release(by=("dora",)),
        release(draft(3, returns=STEP.hash), by=("dora",)),
        release(draft(removals=1), by=("dora",)),
    ):
        for state in (standing(), after(STEP)):
            with pytest.raises(OutOfScope):
                judge(made, state)


# --- the policy in hand ------------------------------------------------------------------------------------------------


def test_does_not_judge_by_a_policy_that_was_put_back() -> None:
    state = standing()
    with pytest.raises(RolledBack, match="stored policy"):
        judge(STEP, replace(state, floor=replace(state.floor, policy_version=2)))
    with pytest.raises(Equivocation):
        judge(STEP, replace(state, policy_hash=bytes(32)))


# --- forms -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "members",
    [
        {"number": 1},
        {"number": -2},
        {"number": 2.0},
        {"count": 0},
        {"root": bytes(31)},
        {"estate": "../x"},
        {"removals": -1},
        {"surprise": 1},
        {"expires": NOW},
        {"needs_go": 0},
    ],
)
def test_a_well_signed_release_without_sense_is_malformed(members: dict[str, object]) -> None:
    with pytest.raises(Malformed):
        trust.judge_release(standing(), forged_parcel(members=members), now=NOW)


def test_sizes_are_checked_first() -> None:
    with pytest.raises(Malformed, match="bytes"):
        trust.judge_release(
            standing(), Parcel(seal(releases.TYPE, bytes(releases.LIMIT + 1), keys("anna")), b"", Proof(0, ())), now=NOW
        )
    big = bytes(documents_.LIMIT + 1)
    with pytest.raises(Malformed, match="a document of"):
        trust.judge_release(standing(), forged_parcel(big), now=NOW)
    with pytest.raises(Malformed, match="msgpack"):  # one byte less is read
        trust.judge_release(standing(), forged_parcel(big[1:]), now=NOW)


@pytest.mark.parametrize("content", [b"", b"\x80", b"\xc1", codec.encode({"estate": ESTATE})])
def test_a_well_signed_document_without_sense_is_malformed(content: bytes) -> None:
    with pytest.raises(Malformed):
        trust.judge_release(standing(), forged_parcel(content), now=NOW)


SCALARS = (
    st.none() | st.booleans() | st.integers(-(1 << 63), (1 << 64) - 1) | st.text(max_size=9) | st.binary(max_size=40)
)
PLAIN = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4)
)


@given(st.sampled_from(["anna", "stranger"]), PLAIN, st.sampled_from(["body", "root", "number", "scope", "returns"]))
def test_cve_2026_23991_no_content_makes_it_fail_otherwise(by: str, value: object, where: str) -> None:
    if where == "body":
        parcel = Parcel(seal(releases.TYPE, codec.encode(value), keys(by)), b"", Proof(0, ()))
    else:
        parcel = forged_parcel(by=by, members={where: value})
    try:
        taken = trust.judge_release(standing(), parcel, now=NOW)
    except (Refused, Malformed):
        return
    assert by == "anna"
    assert taken.release.scope == "main"
