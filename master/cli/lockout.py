"""What a next policy would take away that only a visit, or nobody, could bring back. Pure: policies in, sentences out.

Each sentence is a reason not to sign; `--force` signs all the same. A policy that would be refused by hosts is none of
this page's: chain.py refuses it, and no word helps.

Called by proposing.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from orch.common.policy import Policy, Verb

NEEDED = (Verb.PUBLISH, Verb.ENROL)
ALONE = (Verb.PUBLISH, Verb.REMOVE, Verb.ENROL)
"""What `orch` signs with one key so far."""


def reasons(before: Policy, after: Policy, *, me: str, scopes: Iterable[str], now: int) -> tuple[str, ...]:
    """Why not to sign.

    Args:
        before: the policy in force.
        after: what is to follow.
        me: the name of the operator who asks; empty where that is not known.
        scopes: those of the estate's sites.
        now: seconds since 1970.
    """
    return (
        *_people(before, after, me),
        *_nobody(before, after, frozenset(scopes), now),
        *_several(before, after),
        *_root(after),
        *_centre(before, after),
    )


def _people(before: Policy, after: Policy, me: str) -> Iterator[str]:
    names = {person.name for person in after.operators}
    if me in {person.name for person in before.operators} and me not in names:
        yield f"you, {me}, would be no operator any more"


def _nobody(before: Policy, after: Policy, scopes: frozenset[str], now: int) -> Iterator[str]:
    known = scopes.union(*(grant.scopes for person in before.operators for grant in person.grants)) - {"*"}
    rings = {"*"}.union(*(grant.rings for person in before.operators for grant in person.grants))
    for verb in NEEDED:
        # "*" asks for somebody who may everywhere: where nobody is left anywhere, it is said once.
        lost = [
            (scope, ring)
            for scope in ("*", *sorted(known))
            for ring in sorted(rings)
            if _enough(before, verb, scope, ring, now) and not _enough(after, verb, scope, ring, now)
        ]
        if lost and not _anybody(after, verb, now):
            yield f"nobody could {verb.value} any more"
            continue
        for scope, ring in lost:
            if ring != "*" and (scope, "*") in lost:
                continue  # said already, of all of its rings
            where = "any other scope" if scope == "*" else f"scope {scope}"
            yield f"nobody could {verb.value} in {where}{'' if ring == '*' else f', ring {ring}'} any more"


def _enough(policy: Policy, verb: Verb, scope: str, ring: str, now: int) -> bool:
    able = sum(person.may(verb, scope=scope, ring=ring, now=now) for person in policy.operators)
    return able >= policy.threshold(verb, scope)


def _anybody(policy: Policy, verb: Verb, now: int) -> bool:
    ended = (person for person in policy.operators if not person.not_after or now <= person.not_after)
    return any(verb in grant.verbs for person in ended for grant in person.grants)


def _several(before: Policy, after: Policy) -> Iterator[str]:
    for item in after.thresholds:
        if item.signatures > 1 and item.verb in ALONE and item not in before.thresholds:
            where = "any scope" if item.scope == "*" else f"scope {item.scope}"
            yield f"this version of orch signs alone, so it could not {item.verb.value} in {where} any more"


def _root(after: Policy) -> Iterator[str]:
    count = len(after.root.keys)
    if after.root.threshold == count:
        which = "the only root key" if count == 1 else f"one of the {count} root keys, all of which must sign,"
        yield f"if {which} is lost, nobody can ever change the policy again"


def _centre(before: Policy, after: Policy) -> Iterator[str]:
    if not set(before.centre.addresses) & set(after.centre.addresses):
        yield "a host that is away now would look for the centre at addresses which are no longer its own"
    if not set(before.centre.curve) & set(after.centre.curve):
        yield "a host that is away now would know none of the centre's connection keys"
