"""Whether a host takes a release, a go, an order, a request to plan: the table of cases, and the attacks by name."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import pytest

from orch.common import authoring, codec, trust
from orch.common import release as releases
from orch.common.authoring import Authored
from orch.common.crypto import sha256
from orch.common.envelope import seal
from orch.common.errors import (
    BadSignature,
    Malformed,
    Mislabelled,
    OrchError,
    OutOfScope,
)
from orch.common.policy import Grant, Threshold, Verb
from orch.common.release import Parcel
from orch.common.standing import Standing
from tests.fakes.signed_estate import (
    ALL,
    BERT,
    DAY,
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
    person,
    release,
    standing,
)

STEP = release()
ME = admission()
CANARY = standing(me=admission(ring="canary"))


# --- what is taken -----------------------------------------------------------------------------------------------


def test_takes_a_release_and_says_what_to_write() -> None:
    taken = judge(STEP)
    assert taken.document == document()
    assert (taken.release_hash, taken.document_hash) == (STEP.hash, sha256(STEP.documents[0]))
    assert not taken.again
    floor = taken.floor
    assert (floor.scope, floor.epoch, floor.number, floor.release) == ("main", 1, 2, STEP.hash)
    assert (floor.document, floor.policy_version) == (taken.document_hash, 1)
    assert floor.signed_time == NOW - 3600


def test_every_host_takes_its_own_part() -> None:
    for at, host in enumerate(("library/dom0", "site0/dom0", "site1/dom0", "site2/dom0")):
        taken = trust.judge_release(standing(me=admission(host)), STEP.parcel(at), now=NOW)
        assert taken.document.host == host


def test_the_same_release_again_is_known_and_writes_nothing() -> None:
    state = after(STEP)
    taken = judge(STEP, state)
    assert taken.again
    assert taken.floor == state.floor
    assert taken.document == document()


def test_what_it_has_already_is_known_even_when_it_has_expired() -> None:
    assert judge(STEP, after(STEP), now=NOW + 90 * DAY).again


def test_what_it_has_already_is_judged_anew_by_the_policy_in_force() -> None:
    state = after(STEP)
    without = replace(POLICY, version=2, operators=(BERT,))
    later = replace(standing(policy=without), floor=state.floor)
    with pytest.raises(BadSignature):
        judge(STEP, later)


def test_gaps_are_normal() -> None:
    assert judge(release(draft(40)), after(STEP)).floor.number == 40


# --- who signed ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("by", "state", "error"),
    [
        ((), standing(), BadSignature),
        (("stranger",), standing(), BadSignature),
        (("root",), standing(), BadSignature),
        (("fresh",), standing(), BadSignature),
        (("anna login",), standing(), BadSignature),
        (("library/dom0",), standing(), BadSignature),
        (("bert",), standing(), OutOfScope),  # canary only
        (("bert",), CANARY, None),
        (("carl",), standing(), OutOfScope),  # enrols only
        (("dora",), standing(), OutOfScope),  # her days have ended
        (("bert", "carl", "dora"), standing(), OutOfScope),
        (("bert", "anna"), standing(), None),
        (("stranger", "anna"), standing(), None),
    ],
)
def test_goes_by_who_signed(by: tuple[str, ...], state: Standing, error: type[OrchError] | None) -> None:
    made = release(by=by)
    if error is None:
        assert judge(made, state).floor.number == 2
        return
    with pytest.raises(error) as caught:
        judge(made, state)
    assert type(caught.value) is error


def test_days_that_have_not_ended_count() -> None:
    assert judge(release(by=("dora",)), now=NOW - DAY).floor.number == 2


def test_removals_beyond_the_ceiling_need_the_verb_remove() -> None:
    made = release(draft(removals=5), by=("bert",))
    with pytest.raises(OutOfScope, match="remove"):
        judge(made, CANARY)
    assert judge(release(draft(removals=5)), CANARY).release.removals == 5


def two(verb: Verb) -> Standing:
    return standing(policy=replace(POLICY, thresholds=(Threshold(verb, "main", 2),)), me=CANARY.me)


def test_a_threshold_counts_people() -> None:
    state = two(Verb.PUBLISH)
    assert judge(release(by=("anna", "bert")), state).floor.number == 2
    for by, error in (
        (("anna",), BadSignature),
        (("anna", "anna"), BadSignature),
        (("anna", "stranger"), BadSignature),
        (("anna", "anna login"), BadSignature),
        (("anna", "carl"), OutOfScope),
    ):
        with pytest.raises(error):
            judge(release(by=by), state)


def test_a_threshold_for_removals_does_not_hinder_others() -> None:
    state = two(Verb.REMOVE)
    assert judge(STEP, state).floor.number == 2
    with pytest.raises(BadSignature):
        judge(release(draft(removals=1)), state)


def test_a_second_person_signs_later() -> None:
    made = STEP
    both = replace(made, envelope=authoring.cosign(made.envelope, type=releases.TYPE, key=keys("bert")[0]))
    assert judge(both, two(Verb.PUBLISH)).release_hash == made.hash


PEOPLE = tuple(f"p{at}" for at in range(5))
CROWD = standing(
    policy=replace(
        POLICY,
        operators=tuple(person(name, Grant(ALL, ALL, (Verb.PUBLISH,))) for name in PEOPLE),
        thresholds=(Threshold(Verb.PUBLISH, "*", 3),),
    )
)


@pytest.mark.parametrize("count", range(6))
def test_any_subset_below_the_threshold_is_refused_and_any_other_taken(count: int) -> None:
    for by in combinations(PEOPLE, count):
        made = release(by=(*by, "stranger"))
        if count >= 3:
            assert judge(made, CROWD).floor.number == 2
            continue
        with pytest.raises(BadSignature):
            judge(made, CROWD)


def test_cve_2024_47534_the_order_of_people_and_grants_decides_nothing() -> None:
    wide, narrow = Grant(ALL, ALL, (Verb.PUBLISH,)), Grant(("north",), ("canary",), (Verb.PUBLISH,))
    for grants in ((wide, narrow), (narrow, wide)):
        for people in ((person("eve", *grants), BERT), (BERT, person("eve", *grants))):
            state = standing(policy=replace(POLICY, operators=people))
            assert judge(release(by=("eve",)), state).floor.number == 2
            with pytest.raises(OutOfScope):  # bert has nothing of eve's
                judge(release(by=("bert",)), state)


# --- where it belongs -----------------------------------------------------------------------------------------------


NORTH = admission(scope="north")


@pytest.mark.parametrize(
    ("made", "state", "problem"),
    [
        (
            release(draft(estate="other"), contents=(codec.encode(replace(document(), estate="other")),)),
            None,
            "a release of the estate other",
        ),
        (STEP, standing(me=NORTH), "a release for the scope main"),
        (release(draft(scope="north"), contents=documents(document(NORTH))), None, "a release for the scope north"),
        (release(contents=documents(document(admission("other/dom0")))), None, "a document for other/dom0"),
        (release(contents=documents(replace(document(), curve=bytes(32)))), None, "a library/dom0 with another key"),
        (release(contents=documents(replace(document(), host="a/b"))), None, "a document for a/b"),
    ],
)
def test_takes_only_what_is_its_own(made: Authored, state: Standing | None, problem: str) -> None:
    with pytest.raises(Mislabelled, match=problem):
        judge(made, state)


def test_nothing_is_decoded_before_somebody_known_has_signed_it() -> None:
    for by in ((), ("stranger",), ("fresh",)):
        with pytest.raises(BadSignature, match="no operator"):
            trust.endorsed(POLICY, seal(releases.TYPE, b"not msgpack", keys(*by)))
    with pytest.raises(Malformed):
        trust.endorsed(POLICY, seal(releases.TYPE, b"not msgpack", keys("anna")))


def test_a_document_of_another_scope_in_a_release_of_mine_is_refused() -> None:
    # The maker refuses to make one, so it is made by hand.
    content = codec.encode(document(NORTH))
    made = forged_parcel(content)
    with pytest.raises(Mislabelled, match="scope north"):
        trust.judge_release(standing(), made, now=NOW)


def test_a_neighbours_document_is_not_mine_with_any_proof() -> None:
    for at, proof in [(0, 1), (1, 0), (1, 1), (2, 0)]:
        with pytest.raises(Mislabelled):
            trust.judge_release(standing(), Parcel(STEP.envelope, STEP.documents[at], STEP.proofs[proof]), now=NOW)
