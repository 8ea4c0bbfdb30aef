"""What a policy changes is said in words, and nothing of it can be left out."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

from orch.common.policy import Grant, KeySet, Operator, Policy, ScopeEpoch, Threshold, Verb
from orch.master.cli import grants, lockout, wording
from tests.fakes import signed_estate as estate

KEYS = KeySet(1, (estate.signing("x").public,))
OTHERS: dict[str, object] = {
    "estate": "other",
    "version": 2,
    "issued": estate.NOW,
    "root": replace(estate.POLICY.root, threshold=2),
    "operators": estate.POLICY.operators[1:],
    "thresholds": (Threshold(Verb.RUN, "*", 2),),
    "images": KEYS,
    "enrolment": KEYS,
    "centre": replace(estate.POLICY.centre, addresses=("tcp://x:1",)),
    "epochs": (ScopeEpoch("main", 2),),
}
PERSON: dict[str, object] = {
    "login_curve": bytes(32),
    "login": bytes(32),
    "signing": bytes(32),
    "grants": (Grant(("x",), ("*",), (Verb.PLAN,)),),
    "not_after": estate.NOW,
}


@pytest.mark.parametrize("name", [field.name for field in fields(Policy)])
def test_every_part_of_a_policy_has_its_words(name: str) -> None:
    other = replace(estate.POLICY, **{name: OTHERS[name]})  # type: ignore[arg-type]
    assert wording.differences(estate.POLICY, other)


@pytest.mark.parametrize("name", [field.name for field in fields(Operator) if field.name != "name"])
def test_every_part_of_an_operator_has_its_words(name: str) -> None:
    changed = replace(estate.ANNA, **{name: PERSON[name]})  # type: ignore[arg-type]
    other = replace(estate.POLICY, operators=(changed, *estate.POLICY.operators[1:]))
    [line] = wording.differences(estate.POLICY, other)
    assert line.startswith("~ operator anna: ")


@pytest.mark.parametrize("name", ["curve", "fresh"])
def test_the_centres_keys_have_their_words_and_their_order_counts(name: str) -> None:
    both = tuple(estate.signing(word).public for word in ("a", "b"))
    centres = [replace(estate.POLICY.centre, **{name: keys}) for keys in (both, both[::-1])]  # type: ignore[arg-type]
    one, two = (replace(estate.POLICY, centre=centre) for centre in centres)
    assert len(wording.differences(one, two)) == 1


def test_a_grant_is_read_as_it_is_written() -> None:
    for person in estate.POLICY.operators:
        assert tuple(grants.parse(grants.written(grant)) for grant in person.grants) == person.grants


def test_a_new_team_that_leaves_nothing_uncovered_gives_no_reason_to_stop() -> None:
    before = replace(estate.POLICY, root=KeySet(1, (*estate.POLICY.root.keys, estate.signing("third").public)))
    boss = estate.person("zoe", *estate.ANNA.grants)
    after = replace(before, operators=(boss, *before.operators))
    assert lockout.reasons(before, after, me="anna", scopes=("main",), now=estate.NOW) == ()
    swapped = replace(before, operators=(boss, *before.operators[1:]))
    [reason] = lockout.reasons(before, swapped, me="anna", scopes=("main",), now=estate.NOW)
    assert reason == "you, anna, would be no operator any more"


def test_hosts_that_are_away_are_thought_of() -> None:
    centre = replace(estate.POLICY.centre, addresses=("tcp://x:1",), curve=(bytes(32),))
    found = lockout.reasons(estate.POLICY, replace(estate.POLICY, centre=centre), me="", scopes=(), now=estate.NOW)
    assert len(found) == 2
    assert all("away" in reason for reason in found)
