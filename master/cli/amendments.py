"""The next policy: one change to the one in force. Pure; versions, dates and signatures come later (proposing.py).

Called by the commands that change policies.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from orch.common.errors import UsageError
from orch.common.policy import Grant, Operator, Policy, ScopeEpoch, Threshold, Verb
from orch.master.cli.group import did_you_mean


def with_operator(policy: Policy, person: Operator) -> Policy:
    """One more operator.

    Raises:
        UsageError: the name or one of the keys is somebody's already.
    """
    theirs = {person.login_curve, person.login, person.signing}
    for other in policy.operators:
        if other.name == person.name:
            hint = f"to change what {person.name} may do: orch policy grant; other keys: orch key rotate"
            raise UsageError(f"{person.name} is an operator already", hint=hint)
        if theirs & {other.login_curve, other.login, other.signing}:
            raise UsageError(
                f"a key of {person.name} is one of {other.name}'s", hint="have them make keys of their own"
            )
    return replace(policy, operators=(*policy.operators, person))


def without_operator(policy: Policy, name: str, *, scopes: Iterable[str]) -> Policy:
    """One operator fewer; the epochs of the scopes where that one could publish are raised.

    Else a release that was signed with that key, and that nobody has seen, could take up the numbers on hosts which do
    not have the new policy yet.
    """
    gone = named(policy, name)
    publishing = [grant for grant in gone.grants if Verb.PUBLISH in grant.verbs]
    known = {*scopes, *(item.scope for item in policy.epochs)}
    reached = {scope for scope in known if any("*" in grant.scopes or scope in grant.scopes for grant in publishing)}
    left = replace(policy, operators=tuple(person for person in policy.operators if person is not gone))
    return with_epochs_raised(left, reached)


def with_grants(policy: Policy, name: str, made: tuple[Grant, ...], *, not_after: int | None) -> Policy:
    """Other grants for an operator, in place of all before; `not_after` stays where None is given."""
    person = named(policy, name)
    now = replace(person, grants=made, not_after=person.not_after if not_after is None else not_after)
    return with_person(policy, now)


def with_person(policy: Policy, person: Operator) -> Policy:
    """The operator of that name as given now."""
    kept = (person if other.name == person.name else other for other in policy.operators)
    return replace(policy, operators=tuple(kept))


def with_threshold(policy: Policy, rule: Threshold) -> Policy:
    """How many people must sign a verb in a scope; one needs no rule."""
    others = [item for item in policy.thresholds if (item.verb, item.scope) != (rule.verb, rule.scope)]
    return replace(policy, thresholds=(*others, *([rule] if rule.signatures > 1 else [])))


def with_address(policy: Policy, address: str) -> Policy:
    """One more address of the centre."""
    known = policy.centre.addresses
    return policy if address in known else _at(policy, (*known, address))


def without_address(policy: Policy, address: str) -> Policy:
    """One address of the centre fewer.

    Raises:
        UsageError: it is none, or the only one.
    """
    known = policy.centre.addresses
    if address not in known:
        near = did_you_mean(address, known)
        raise UsageError(f"the centre has no address {address!r}{near}", hint="see: orch policy show")
    if len(known) == 1:
        raise UsageError(
            f"{address} is the centre's only address", hint="add the new one first: orch policy address add"
        )
    return _at(policy, tuple(item for item in known if item != address))


def _at(policy: Policy, addresses: tuple[str, ...]) -> Policy:
    return replace(policy, centre=replace(policy.centre, addresses=addresses))


def with_epochs_raised(policy: Policy, scopes: Iterable[str]) -> Policy:
    """The same with the numbers of these scopes begun anew."""
    raised = {item.scope: item.epoch for item in policy.epochs}
    for scope in scopes:
        raised[scope] = policy.epoch(scope) + 1
    return replace(policy, epochs=tuple(ScopeEpoch(scope, epoch) for scope, epoch in sorted(raised.items())))


def named(policy: Policy, name: str) -> Operator:
    """The operator of that name.

    Raises:
        UsageError: there is none.
    """
    for person in policy.operators:
        if person.name == name:
            return person
    near = did_you_mean(name, [person.name for person in policy.operators])
    raise UsageError(f"policy {policy.version} names no operator {name!r}{near}", hint="see: orch policy show")
