"""Who of an envelope's signers may do a thing: keys to people, people to grants, grants to thresholds.

Refuses to do: believe an envelope's own word on who signed. Only keys that the caller's policy names are looked for.

Invariants:
- different people are counted, and a person has one signing key and one login key in a policy (policy.py sees to it);
- nobody known, or too few of them: BadSignature. Enough known, but not granted: OutOfScope.

Called by chain.py and trust.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from orch.common.envelope import Envelope, signers
from orch.common.errors import BadSignature, OutOfScope
from orch.common.policy import KeySet, Operator, Policy, Verb


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a verb is to be done: a host's scope and ring, from its admission."""

    scope: str
    ring: str

    def __str__(self) -> str:
        return f"scope {self.scope}, ring {self.ring}"


def commanders(policy: Policy, envelope: Envelope) -> tuple[Operator, ...]:
    """The operators who signed with their signing keys.

    Raises:
        BadSignature: none did.
    """
    found = signers(envelope, (person.signing for person in policy.operators))
    return _some(tuple(person for person in policy.operators if person.signing in found), envelope)


def askers(policy: Policy, envelope: Envelope) -> tuple[Operator, ...]:
    """The operators who signed with their login keys: enough to look, never to change.

    Raises:
        BadSignature: none did.
    """
    found = signers(envelope, (person.login for person in policy.operators))
    return _some(tuple(person for person in policy.operators if person.login in found), envelope)


def _some(people: tuple[Operator, ...], envelope: Envelope) -> tuple[Operator, ...]:
    if not people:
        raise BadSignature(f"no operator of the policy in force signed this {envelope.type}")
    return people


def has_threshold(envelope: Envelope, keys: KeySet) -> bool:
    """Whether enough different keys of the set signed."""
    return len(signers(envelope, keys.keys)) >= keys.threshold


def demand(policy: Policy, people: Sequence[Operator], verb: Verb, *, place: Place, now: int) -> None:
    """Refuse unless enough of these people may do `verb` there.

    Raises:
        BadSignature: too few signed, whatever they may.
        OutOfScope: enough signed, too few of them may.
    """
    _demand_in(policy, people, verb, places=(place,), now=now)


def demand_somewhere(policy: Policy, people: Sequence[Operator], verb: Verb, *, scope: str, now: int) -> None:
    """Refuse unless enough of these people may do `verb` in some one ring of the scope.

    For the centre's intake, which has no ring of its own; what each host's ring allows is checked per host.

    Raises:
        BadSignature: too few signed, whatever they may.
        OutOfScope: enough signed, too few of them may.
    """
    rings = sorted({"*"}.union(*(grant.rings for person in people for grant in person.grants)))
    _demand_in(policy, people, verb, places=tuple(Place(scope=scope, ring=ring) for ring in rings), now=now)


def _demand_in(policy: Policy, people: Sequence[Operator], verb: Verb, *, places: tuple[Place, ...], now: int) -> None:
    """Refuse unless enough of these people may do `verb` in one of the places, which are all of one scope."""
    needed = policy.threshold(verb, places[0].scope)
    for place in places:
        if sum(person.may(verb, scope=place.scope, ring=place.ring, now=now) for person in people) >= needed:
            return
    if len(people) < needed:
        raise BadSignature(f"{len(people)} signed where {verb.value} in {places[0]} needs {needed}")
    names = ", ".join(person.name for person in people)
    raise OutOfScope(f"{verb.value} in {places[0]} needs {needed} who are granted it; signed by {names}")
