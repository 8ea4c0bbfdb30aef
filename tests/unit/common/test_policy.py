"""What a policy may say at all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from orch.common import codec, policy
from orch.common.errors import Malformed
from orch.common.policy import Grant, KeySet, Policy, ScopeEpoch, Threshold, Verb
from tests.fakes.signed_estate import ALL, ANNA, BERT, DAY, DORA, NOW, POLICY, person, signing


def test_reads_back_what_it_wrote() -> None:
    assert codec.decode(Policy, codec.encode(POLICY), limit=policy.LIMIT) == POLICY


def test_a_grant_is_scopes_by_rings_by_verbs() -> None:
    grant = Grant(("main", "north"), ("canary",), (Verb.PUBLISH,))
    assert grant.covers(Verb.PUBLISH, scope="north", ring="canary")
    assert not grant.covers(Verb.PUBLISH, scope="north", ring="stable")
    assert not grant.covers(Verb.PUBLISH, scope="south", ring="canary")
    assert not grant.covers(Verb.REMOVE, scope="north", ring="canary")
    assert Grant(ALL, ALL, (Verb.PLAN,)).covers(Verb.PLAN, scope="any", ring="other")


def test_two_grants_do_not_add_up_to_a_third() -> None:
    both = person(
        "eve", Grant(("main",), ("canary",), (Verb.PUBLISH,)), Grant(("north",), ("stable",), (Verb.PUBLISH,))
    )
    assert not both.may(Verb.PUBLISH, scope="main", ring="stable", now=NOW)


def test_a_persons_time_ends() -> None:
    assert DORA.may(Verb.PUBLISH, scope="main", ring="x", now=NOW - DAY)
    assert not DORA.may(Verb.PUBLISH, scope="main", ring="x", now=NOW - DAY + 1)


def test_the_strictest_threshold_that_fits_counts() -> None:
    made = replace(
        POLICY,
        thresholds=(
            Threshold(Verb.PUBLISH, "*", 2),
            Threshold(Verb.PUBLISH, "main", 3),
            Threshold(Verb.PUBLISH, "north", 1),
        ),
    )
    assert [made.threshold(Verb.PUBLISH, scope) for scope in ("main", "north", "south")] == [3, 2, 2]
    assert made.threshold(Verb.REMOVE, "main") == 1


def test_epochs_start_at_one() -> None:
    made = replace(POLICY, epochs=(ScopeEpoch("north", 4),))
    assert (made.epoch("north"), made.epoch("main")) == (4, 1)


EVE = person("eve")
WRONG: dict[str, Callable[[], object]] = {
    "a threshold of nobody": lambda: Threshold(Verb.PUBLISH, "*", 0),
    "a threshold that no envelope holds": lambda: Threshold(Verb.PUBLISH, "*", 17),
    "a key set that needs nobody": lambda: KeySet(0, (signing("a").public,)),
    "a key set that needs more than there are": lambda: KeySet(2, (signing("a").public,)),
    "a key twice in a set": lambda: KeySet(1, (signing("a").public,) * 2),
    "an epoch of zero": lambda: ScopeEpoch("main", 0),
    "an epoch twice": lambda: replace(POLICY, epochs=(ScopeEpoch("main", 1), ScopeEpoch("main", 2))),
    "version zero": lambda: replace(POLICY, version=0),
    "a name twice": lambda: replace(POLICY, operators=(ANNA, replace(EVE, name="anna"))),
    "a signing key twice": lambda: replace(POLICY, operators=(ANNA, replace(EVE, signing=ANNA.signing))),
    "a login key twice": lambda: replace(POLICY, operators=(ANNA, replace(EVE, login=ANNA.login))),
    "a login key that signs": lambda: replace(POLICY, operators=(replace(EVE, login=EVE.signing),)),
    "a login key that is another's signing key": lambda: replace(
        POLICY, operators=(BERT, replace(EVE, login=BERT.signing))
    ),
    "a freshness key that signs": lambda: replace(POLICY, centre=replace(POLICY.centre, fresh=(ANNA.signing,))),
    "a freshness key in the root": lambda: replace(POLICY, centre=replace(POLICY.centre, fresh=POLICY.root.keys[:1])),
    "a freshness key that enrols": lambda: replace(POLICY, enrolment=KeySet(1, POLICY.centre.fresh)),
}


@pytest.mark.parametrize("what", WRONG)
def test_refuses(what: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        WRONG[what]()


def test_what_is_refused_in_the_making_is_malformed_on_the_wire() -> None:
    body = codec.encode(POLICY).replace(b"\xa9threshold\x01", b"\xa9threshold\x00")
    with pytest.raises(Malformed, match="threshold"):
        codec.decode(Policy, body, limit=policy.LIMIT)
