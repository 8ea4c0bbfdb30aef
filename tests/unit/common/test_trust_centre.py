"""What the centre refuses early, where a person is waiting."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orch.common import codec, trust
from orch.common.authoring import Authored
from orch.common.errors import (
    BadSignature,
    Expired,
    Mislabelled,
    OrchError,
    OutOfScope,
)
from orch.common.identity import Admission
from orch.common.policy import Grant, Threshold, Verb
from tests.fakes.signed_estate import (
    ANNA,
    BERT,
    DAY,
    NOW,
    POLICY,
    admission,
    document,
    documents,
    draft,
    person,
    release,
    standing,
)

STEP = release()
ME = admission()
CANARY = standing(me=admission(ring="canary"))


NORTH = admission(scope="north")

# --- the centre's intake ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("made", "error"),
    [
        (STEP, None),
        (release(by=("bert",)), None),  # for his ring at least
        (release(by=("stranger",)), BadSignature),
        (release(by=("carl",)), OutOfScope),
        (release(by=("dora",)), OutOfScope),
        (release(draft(scope="north"), by=("bert",), contents=documents(document(NORTH))), OutOfScope),
        (release(draft(scope="north"), contents=documents(document(NORTH))), None),
        (release(draft(removals=3), by=("bert",)), OutOfScope),
        (release(draft(removals=3)), None),
        (release(draft(estate="x"), contents=(codec.encode(replace(document(), estate="x")),)), Mislabelled),
        (release(draft(epoch=2)), OutOfScope),
        (release(draft(created=1, expires=NOW - 1)), Expired),
        (release(draft(created=NOW + DAY, expires=NOW + 2 * DAY)), None),
        (release(draft(created=NOW + DAY + 1, expires=NOW + 2 * DAY)), Mislabelled),
    ],
)
def test_the_centre_refuses_early_what_no_host_could_take(made: Authored, error: type[OrchError] | None) -> None:
    if error is None:
        assert trust.judge_author(POLICY, made.envelope, now=NOW).number == 2
        return
    with pytest.raises(error):
        trust.judge_author(POLICY, made.envelope, now=NOW)


def test_the_centre_counts_two_people_in_one_ring() -> None:
    fritz = person("fritz", Grant(("main",), ("stable",), (Verb.PUBLISH,)))
    policy = replace(POLICY, operators=(ANNA, BERT, fritz), thresholds=(Threshold(Verb.PUBLISH, "main", 2),))
    assert trust.judge_author(policy, release(by=("anna", "bert")).envelope, now=NOW).number == 2
    with pytest.raises(OutOfScope):  # one in each of two rings is enough in neither
        trust.judge_author(policy, release(by=("bert", "fritz")).envelope, now=NOW)
    with pytest.raises(BadSignature):
        trust.judge_author(policy, release(by=("bert",)).envelope, now=NOW)


def test_the_centre_asks_for_each_host_what_the_host_will_ask() -> None:
    found = trust.endorsed(POLICY, release(by=("bert",)).envelope)
    parcel = STEP.parcel(0)
    assert trust.judge_host(POLICY, found, CANARY.me, parcel=parcel, now=NOW) == document()
    cases: tuple[tuple[Admission, type[OrchError], str], ...] = (
        (ME, OutOfScope, "ring stable"),
        (admission(scope="north", ring="canary"), Mislabelled, "a release for the scope main"),
        (admission("site0/dom0", ring="canary"), Mislabelled, "a document for library/dom0"),
    )
    for me, error, problem in cases:
        with pytest.raises(error, match=problem):
            trust.judge_host(POLICY, found, me, parcel=parcel, now=NOW)
