"""The history of an estate as its signatures tell it: who decided what, when, and whether a host's reports are whole.

Refuses to do: let anything be obeyed by this. What is judged here is the past (see past.py), for people.

Called by the operator's tool (`orch audit`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from orch.common import audit, codec, identity, past, policy, report
from orch.common.authority import commanders, has_threshold
from orch.common.crypto import sha256
from orch.common.envelope import Envelope, open_envelope
from orch.common.errors import BadSignature, Malformed, Mislabelled, Refused
from orch.common.identity import Admission, Revocation
from orch.common.policy import Policy

ROOT = "the root"
ENROLMENT = "the enrolment key"
KINDS = ("policy", "admission", "revocation", "release")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One thing that was decided; `problem` says why it cannot be believed, and only `kind` counts then."""

    kind: str
    time: int = 0  # seconds since 1970, as signed
    by: tuple[str, ...] = ()
    what: str = ""
    problem: str = ""


def read(policies: Sequence[Policy], kind: str, envelope: bytes) -> Entry:
    """One entry, judged by all of the estate's policies. Never raises: what is not in order is an entry too."""
    readers = {"policy": _policy, "admission": _admission, "revocation": _revocation, "release": _release}
    if kind not in readers:
        return Entry(kind=kind, problem="nothing of this kind is known here; is the centre newer than your orch?")
    try:
        return readers[kind](policies, envelope)
    except (Malformed, Refused) as err:
        return Entry(kind=kind, problem=err.text)


def _policy(policies: Sequence[Policy], envelope: bytes) -> Entry:
    opened = open_envelope(envelope, type=policy.TYPE, limit=policy.LIMIT)
    found = codec.decode(Policy, opened.body, limit=policy.LIMIT)
    mine = next((one for one in policies if one.version == found.version), None)
    if mine is None:
        raise Mislabelled(f"policy {found.version} is not in your files")
    if mine != found:
        raise BadSignature(f"policy {found.version} is another one than that in your files")
    people = ", ".join(person.name for person in found.operators) or "nobody"
    return Entry(kind="policy", time=found.issued, by=(ROOT,), what=f"policy {found.version}; operators: {people}")


def _admission(policies: Sequence[Policy], envelope: bytes) -> Entry:
    opened = open_envelope(envelope, type=identity.ADMISSION_TYPE, limit=identity.LIMIT)
    by = _enrollers(policies, opened)
    found = codec.decode(Admission, opened.body, limit=identity.LIMIT)
    _check_estate(policies, found.estate)
    word = "let in" if found.serial == 1 else f"admitted anew ({found.serial})"
    what = f"{found.host} {word}: scope {found.scope}, ring {found.ring}"
    return Entry(kind="admission", time=found.issued, by=by, what=what)


def _revocation(policies: Sequence[Policy], envelope: bytes) -> Entry:
    opened = open_envelope(envelope, type=identity.REVOCATION_TYPE, limit=identity.LIMIT)
    by = _enrollers(policies, opened)
    found = codec.decode(Revocation, opened.body, limit=identity.LIMIT)
    _check_estate(policies, found.estate)
    why = f": {found.reason}" if found.reason else ", no reason given"
    return Entry(kind="revocation", time=found.issued, by=by, what=f"{found.host} revoked{why}")


def _release(policies: Sequence[Policy], envelope: bytes) -> Entry:
    found = past.judge_signed(policies, envelope)
    release = found.release
    hosts = f"{release.count} host{'' if release.count == 1 else 's'}"
    said = f", {release.note}" if release.note else ""
    what = f"release {release.epoch}:{release.number} of {release.scope} for {hosts}{said}"
    return Entry(kind="release", time=release.created, by=found.people, what=what)


def _enrollers(policies: Sequence[Policy], opened: Envelope) -> tuple[str, ...]:
    for one in sorted(policies, key=lambda item: item.version, reverse=True):
        if one.enrolment is not None and has_threshold(opened, one.enrolment):
            return (ENROLMENT,)
        try:
            return tuple(person.name for person in commanders(one, opened))
        except BadSignature:
            continue  # perhaps by an older policy; if by none, the last line says so
    raise BadSignature(f"no operator of any policy of this estate signed this {opened.type}")


def _check_estate(policies: Sequence[Policy], estate: str) -> None:
    if policies and policies[-1].estate != estate:
        raise Mislabelled(f"it is of the estate {estate}; this is {policies[-1].estate}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trail:
    """A host's reports one after the other, as far as they were looked at."""

    count: int = 0
    first: int = 0  # the oldest that the centre keeps
    last: int = 0
    problems: tuple[str, ...] = ()


def follow(me: Admission, envelopes: Iterable[bytes]) -> Trail:
    """Whether a host's reports are its own, without a gap, each naming the one before it.

    The oldest that is kept may be any: the centre keeps reports for a time only (`keep` in its settings).
    """
    trail, before = Trail(), b""
    problems: list[str] = []
    for envelope in envelopes:
        try:
            found = audit.judge_report(me, envelope)
        except (Malformed, Refused) as err:
            problems.append(f"the report after {trail.last}: {err.text}")
            before = b""
            trail = Trail(count=trail.count + 1, first=trail.first, last=trail.last + 1)
            continue
        if trail.count and found.sequence != trail.last + 1:
            problems.append(f"report {found.sequence} comes after {trail.last}: {found.sequence - trail.last - 1} lack")
        elif before and found.previous != before:
            problems.append(f"report {found.sequence} does not name report {trail.last} as the one before it")
        before = sha256(open_envelope(envelope, type=report.TYPE, limit=report.LIMIT).body)
        trail = Trail(count=trail.count + 1, first=trail.first or found.sequence, last=found.sequence)
    return Trail(count=trail.count, first=trail.first, last=trail.last, problems=tuple(problems))
