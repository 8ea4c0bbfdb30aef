"""A policy in words: what it says, and what a next one says differently.

Everything that a policy holds has its word here; `differences` of two policies that are not the same is never empty,
so nobody signs a change that is not shown. No I/O.

Called by the policy commands.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from orch.common.clock import rfc3339
from orch.common.crypto import sha256
from orch.common.policy import KeySet, Operator, Policy, Threshold
from orch.master.cli import grants


def mark(key: bytes) -> str:
    """By what people tell a key from another: the beginning of its SHA-256."""
    return sha256(key).hex()[:12]


def marks(keys: Sequence[bytes]) -> str:
    """Several keys."""
    return ", ".join(mark(key) for key in keys) or "none"


def until(person: Operator) -> str:
    """When a person's time ends."""
    return rfc3339(person.not_after)[:10] if person.not_after else "no end"


def key_set(keys: KeySet | None) -> str:
    """Which keys, and how many of them must sign."""
    return "nobody" if keys is None else f"{keys.threshold} of {len(keys.keys)}: {marks(keys.keys)}"


def rule(item: Threshold) -> str:
    """How many must sign what, and where."""
    where = "every scope" if item.scope == "*" else f"scope {item.scope}"
    return f"{item.verb.value} in {where} needs {item.signatures} people"


def differences(before: Policy, after: Policy) -> list[str]:
    """What the second says differently, a line each; the first character says how."""
    lines = [
        *_operators(before, after),
        *_rules(before, after),
        *(
            line
            for name, one, two in (
                ("root keys", before.root, after.root),
                ("image keys", before.images, after.images),
                ("enrolment keys", before.enrolment, after.enrolment),
            )
            for line in _keys(name, one, two)
        ),
        *_centre(before, after),
        *_epochs(before, after),
    ]
    if before.estate != after.estate:
        lines.append(f"~ estate: {before.estate} → {after.estate}")
    same = (after.version, after.issued)
    if not lines and (before.version, before.issued) != same:
        lines.append("~ nothing but its version, its date, or the order in which things stand")
    return lines


def _operators(before: Policy, after: Policy) -> Iterator[str]:
    old = {person.name: person for person in before.operators}
    new = {person.name: person for person in after.operators}
    for name in sorted(new.keys() - old.keys()):
        person = new[name]
        yield f"+ operator {name}: {grants.all_written(person)}, {until(person)}"
        yield f"      signing key {mark(person.signing)}, login keys {marks((person.login, person.login_curve))}"
    for name in sorted(old.keys() - new.keys()):
        yield f"- operator {name}, who had {grants.all_written(old[name])}"
    for name in sorted(new.keys() & old.keys()):
        was, now = old[name], new[name]
        told = (
            ("may", grants.all_written(was), grants.all_written(now)),
            ("until", until(was), until(now)),
            ("signing key", mark(was.signing), mark(now.signing)),
            ("login key", mark(was.login), mark(now.login)),
            ("connection key", mark(was.login_curve), mark(now.login_curve)),
        )
        yield from (f"~ operator {name}: {what} {one} → {two}" for what, one, two in told if one != two)


def _rules(before: Policy, after: Policy) -> Iterator[str]:
    yield from (f"+ {rule(item)}" for item in after.thresholds if item not in before.thresholds)
    yield from (f"- {rule(item)}" for item in before.thresholds if item not in after.thresholds)


def _keys(name: str, before: KeySet | None, after: KeySet | None) -> Iterator[str]:
    old, new = (before.keys if before else ()), (after.keys if after else ())
    yield from (f"+ {name}: {mark(key)}" for key in new if key not in old)
    yield from (f"- {name}: {mark(key)}" for key in old if key not in new)
    counts = [f"{item.threshold} of {len(item.keys)}" if item else "nobody" for item in (before, after)]
    if counts[0] != counts[1]:
        yield f"~ {name}: {counts[0]} → {counts[1]}"


def _centre(before: Policy, after: Policy) -> Iterator[str]:
    old, new = before.centre, after.centre
    yield from (f"+ address of the centre: {item}" for item in new.addresses if item not in old.addresses)
    yield from (f"- address of the centre: {item}" for item in old.addresses if item not in new.addresses)
    # Their order counts: the one in use stands first.
    for name, was, now in (("connection keys", old.curve, new.curve), ("freshness keys", old.fresh, new.fresh)):
        if was != now:
            yield f"~ {name} of the centre: {marks(was)} → {marks(now)}"


def _epochs(before: Policy, after: Policy) -> Iterator[str]:
    for scope in sorted({item.scope for item in (*before.epochs, *after.epochs)}):
        if before.epoch(scope) != after.epoch(scope):
            yield f"~ epoch of scope {scope}: {before.epoch(scope)} → {after.epoch(scope)}; publish there again"
