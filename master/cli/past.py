"""What a host was told before: asked of the centre, believed only as far as operators signed it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeAlias

from orch.common import past as verdicts
from orch.common import trust
from orch.common.document import Document
from orch.common.errors import BadSignature, Malformed, Refused, UsageError
from orch.common.operations import DocumentAsked, History, HistoryAsked
from orch.common.past import Signed
from orch.common.policy import Policy
from orch.common.release import Parcel
from orch.master.cli.context import Desk
from orch.master.cli.line import Centre

Chain: TypeAlias = "tuple[Policy, ...]"
"""The estate's policies from the first to the newest, verified."""
NEWEST = "~0"
_BACK = re.compile(r"~([0-9]{1,3})")
_NUMBER = re.compile(r"(?:([0-9]{1,9}):)?([0-9]{1,15})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """A release of a host; `problem` says why it cannot be believed, `signed` is None then."""

    signed: Signed | None
    received: int
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A host's document in one release, and the bytes that prove it."""

    signed: Signed
    document: Document
    parcel: Parcel


def chain(desk: Desk) -> Chain:
    """All policies of the estate, each checked against the one before and the first against the pin.

    Raises:
        NotAllowed: the chain does not begin with the pinned policy.
        BadSignature: a link is not signed as the one before it asks.
    """
    newest = desk.verified()
    found: list[Policy] = []
    for envelope in desk.folder.policies():
        found.append(trust.take_policy(found[-1] if found else None, envelope, pinned=desk.keyring.pin()))
    return tuple(found) if found else (newest,)


def releases(policies: Chain, centre: Centre, host: str, *, most: int) -> tuple[Past, ...]:
    """The newest releases of a host that the centre still keeps, newest first."""
    asked = centre.ask("host.history", HistoryAsked(host=host, most=most), History)
    found: list[Past] = []
    for item in asked.releases:
        try:
            found.append(Past(signed=verdicts.judge_signed(policies, item.release), received=item.received))
        except (Malformed, Refused) as err:
            found.append(Past(signed=None, received=item.received, problem=err.text))
    return tuple(found)


def choose(found: tuple[Past, ...], wanted: str, *, host: str) -> Signed:
    """The release that a person means: `~0` the newest, `~1` the one before, `6` or `1:6` by its number.

    Raises:
        UsageError: not such a word, or the centre keeps no such release.
        Refused: it cannot be believed.
    """
    hint = f"see which there are: orch doc history {host}"
    if not found:
        raise UsageError(f"no release names {host} yet", hint=f"orch apply {host}")
    if back := _BACK.fullmatch(wanted):
        if int(back[1]) >= len(found):
            raise UsageError(f"the centre keeps {len(found)} releases of {host}, so there is no {wanted}", hint=hint)
        chosen = found[int(back[1])]
        if chosen.signed is None:
            raise BadSignature(f"release {wanted} of {host} at the centre is not in order: {chosen.problem}", hint=hint)
        return chosen.signed
    number = _NUMBER.fullmatch(wanted)
    if number is None:
        raise UsageError(f"{wanted!r} is no release", hint="write ~0 (newest), ~1 (the one before), 6 or 1:6")
    for item in found:
        if item.signed is not None and _is(item.signed, epoch=number[1], number=number[2]):
            return item.signed
    raise UsageError(f"the centre keeps no release {wanted} of {host}", hint=hint)


def document(policies: Chain, centre: Centre, host: str, *, release: Signed) -> Held:
    """A host's document in a release.

    Raises:
        UsageError: the centre no longer has it.
        Malformed, Refused: what it sent is not what was signed.
    """
    parcel = centre.ask("host.document", DocumentAsked(host=host, release=release.hash), Parcel)
    signed, found = verdicts.judge_document(policies, parcel)
    if signed.hash != release.hash or found.host != host:
        raise Malformed(f"the centre sent another document than that of {host} in {named(release)}")
    return Held(signed=signed, document=found, parcel=parcel)


def named(signed: Signed) -> str:
    """`1:6`."""
    return f"{signed.release.epoch}:{signed.release.number}"


def _is(signed: Signed, *, epoch: str | None, number: str) -> bool:
    release = signed.release
    return release.number == int(number) and (epoch is None or release.epoch == int(epoch))
