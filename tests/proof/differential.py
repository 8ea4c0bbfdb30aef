"""The same scenario put to orch's verdicts and to python-tuf's: they must agree wherever both have a word for it.

Three kinds in turn: a change of the root (thresholds on both sides, the next version only), a release with a number, an
end and a threshold of people, and content under a signed hash.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from random import Random
from types import ModuleType
from typing import Any

from orch.common import trust
from orch.common.authoring import Authored
from orch.common.errors import Equivocation, OrchError
from orch.common.policy import Grant, KeySet, Policy, Threshold, Verb
from orch.common.release import Parcel
from tests.fakes.signed_estate import ALL, DAY, NOW, POLICY, draft, person, policy_bytes, release, signing, standing
from tests.proof.family import Case, Family
from tests.proof.mutate import packed, unpacked

REFUSED, KEPT, TAKEN = "refused", "kept", "taken"
KEYS = 6
"""Keys in play; python-tuf's side has as many."""


@dataclass(frozen=True, slots=True)
class Signing:
    """Who may sign, how many must, who did, and whose signature is wrong."""

    keys: tuple[int, ...]
    threshold: int


def _some(fall: Random, low: int = 0) -> tuple[int, ...]:
    return tuple(fall.sample(range(KEYS), fall.randint(low, KEYS)))


def _signing(fall: Random) -> Signing:
    keys = _some(fall, 1)
    return Signing(keys, fall.randint(1, min(3, len(keys))))


def _who(fall: Random, *sets: Signing) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Who signs, mostly around what is enough, and whose signature is spoilt."""
    wanted = sorted({number for one in sets for number in fall.sample(one.keys, one.threshold)})
    if fall.random() < 0.4:
        wanted = [*wanted[: -1 if fall.random() < 0.5 else None], *_some(fall)]
    by = tuple(dict.fromkeys(wanted))
    return by, tuple(number for number in by if fall.random() < 0.1)


def spoilt(envelope: bytes, bad: Sequence[int], names: Callable[[int], str], fall: Random) -> bytes:
    """The signatures of some are wrong, and some stand there twice, which must count once."""
    parts: list[Any] = unpacked(envelope)
    keys = {trust_id(names(number)) for number in bad}
    for entry in parts[2]:
        if entry[0] in keys:
            entry[1] = bytes([entry[1][0] ^ 1]) + entry[1][1:]
    if fall.random() < 0.3:
        parts[2] = parts[2] * 2
    return packed(parts)


def trust_id(name: str) -> bytes:
    """The key id of somebody."""
    from orch.common.envelope import key_id

    return key_id(signing(name).public)


def _root_name(number: int) -> str:
    return f"root {number}"


def _person_name(number: int) -> str:
    return f"p{number}"


def _policy(version: int, roots: Signing) -> Policy:
    keys = tuple(signing(_root_name(number)).public for number in roots.keys)
    return replace(POLICY, version=version, root=KeySet(roots.threshold, keys))


def rotation(tuf: ModuleType, fall: Random) -> tuple[str, str, str]:
    """The next root, or one that cannot follow."""
    old, new = _signing(fall), _signing(fall)
    version = 5 + fall.choice((1, 1, 1, 1, 0, -1, 2))
    by, bad = _who(fall, old, new)
    current = _policy(5, old)
    made = policy_bytes(_policy(version, new), *map(_root_name, by)) if by else b""
    try:
        found = trust.take_policy(current, spoilt(made, bad, _root_name, fall) if by else made)
        ours = REFUSED if found is current else TAKEN  # the same one again moves nothing
    except OrchError:
        ours = REFUSED
    people = ((0,), 1)
    before = tuf.root(5, keys=old.keys, threshold=old.threshold, people=people, by=old.keys)
    after = tuf.root(version, keys=new.keys, threshold=new.threshold, people=people, by=by, bad=bad)
    return ours, tuf.rotation(before, after), f"{old} to {new}, version {version}, by {by}, wrong {bad}"


def numbers(tuf: ModuleType, fall: Random) -> tuple[str, str, str]:
    """A release to a host that may hold one already."""
    people = _signing(fall)
    held = fall.choice((0, 3))  # in steps: 0 for none
    offered = fall.randint(1, 5)
    now = NOW + fall.choice((0, 10 * DAY))
    expires, before_end = (NOW + fall.choice((-1, 1, 5, 20)) * DAY for _ in range(2))
    by, bad = _who(fall, people)
    policy = replace(
        POLICY,
        operators=tuple(person(_person_name(number), Grant(ALL, ALL, (Verb.PUBLISH,))) for number in people.keys),
        thresholds=(Threshold(Verb.PUBLISH, "*", people.threshold),),
    )
    state = standing(policy=policy)
    long_ago = NOW - 30 * DAY
    if held:
        first = _release(held, before_end, long_ago, people.keys)
        state = replace(state, floor=trust.judge_release(state, first.parcel(0), now=long_ago + 1).floor)
    ours = _ours(state, _release(offered, expires, long_ago + 5, by), bad, now, fall) if by else REFUSED
    root = tuf.root(1, keys=(0,), threshold=1, people=(people.keys, people.threshold), by=(0,))
    theirs_held = tuf.timestamp(held, expires=before_end, by=people.keys) if held else None
    theirs = tuf.release(root, theirs_held, tuf.timestamp(offered, expires=expires, by=by, bad=bad), now=now)
    said = f"{people}, held {held} until {before_end - NOW}, offered {offered} until {expires - NOW} at {now - NOW}, by {by}, wrong {bad}"
    return ours, theirs, said


def _release(step: int, expires: int, created: int, by: Sequence[int]) -> Authored:
    return release(draft(2 * step, created=created, expires=expires), by=tuple(map(_person_name, by)))


def _ours(state: trust.Standing, made: Authored, bad: Sequence[int], now: int, fall: Random) -> str:
    parcel = Parcel(spoilt(made.envelope, bad, _person_name, fall), made.documents[0], made.proofs[0])
    try:
        taken = trust.judge_release(state, parcel, now=now)
    except Equivocation:
        return KEPT
    except OrchError:
        return REFUSED
    return KEPT if taken.again else TAKEN


MADE = release()


def content(tuf: ModuleType, fall: Random) -> tuple[str, str, str]:
    """Content under a signed hash."""
    signed = MADE.documents[0]
    at = fall.randrange(len(signed))
    offered = fall.choice(
        (signed, signed[:at], signed + b"\x00", signed[:at] + b"\x00" + signed[at + 1 :], b"", MADE.documents[1])
    )
    try:
        trust.judge_release(standing(), Parcel(MADE.envelope, offered, MADE.proofs[0]), now=NOW)
        ours = TAKEN
    except OrchError:
        ours = REFUSED
    return ours, tuf.content(signed, offered), offered.hex()


KINDS = (rotation, numbers, content)


@contextmanager
def _open() -> Iterator[Case]:
    from tests.proof import tuf_side

    def case(number: int, fall: Random) -> None:
        kind = KINDS[number % len(KINDS)]
        ours, theirs, said = kind(tuf_side, fall)
        if ours != theirs:
            raise AssertionError(f"{kind.__name__}: orch says {ours}, python-tuf says {theirs}: {said}")

    yield case


FAMILY = Family(
    name="differential",
    about="a scenario (root rotation, or number, end and threshold of a release, or content under a signed hash) put to orch "
    "and to python-tuf: both say the same (docs/explanation/compared-with-tuf.md)",
    whole=100_000,
    sample=150,
    open=_open,
)
