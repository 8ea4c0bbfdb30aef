"""Hosts whose key was revoked: they get nothing any more, and people still see that they were ended, by whom and why.

Refuses to judge a revocation: the intake has, before it was stored; `orch explain` verifies it again.

Invariant: a name under which another key was admitted since is that machine's: the key before it is not shown.

Called by roster.py.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace

from orch.common import codec
from orch.common.envelope import key_id, open_envelope
from orch.common.identity import ADMISSION_TYPE, LIMIT, REVOCATION_TYPE, Admission, Revocation
from orch.common.policy import Policy
from orch.master.records import KeyRecord, Sighting


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """One revoked key. Scope and ring are empty where no admission of it is known here."""

    revocation: Revocation
    envelope: bytes
    by: str  # names of operators
    scope: str
    ring: str
    last: Sighting | None = None


class EndedHosts:
    """All of them, by key."""

    def __init__(self) -> None:
        """Nobody."""
        self._all: dict[bytes, Ended] = {}

    def add(self, record: KeyRecord, policy: Policy, last: Sighting | None) -> None:
        """A key was revoked; `last` is what was heard of it."""
        opened = open_envelope(record.revocation, type=REVOCATION_TYPE, limit=LIMIT)
        signed = {signature.key_id for signature in opened.signatures}
        people = [person.name for person in policy.operators if key_id(person.signing) in signed]
        scope, ring = _place(record.admission)
        self._all[record.curve] = Ended(
            revocation=codec.decode(Revocation, opened.body, limit=LIMIT),
            envelope=record.revocation,
            by=" and ".join(people) or "somebody who is no operator any more",
            scope=scope,
            ring=ring,
            last=last,
        )

    def seen(self, sightings: Iterable[Sighting]) -> None:
        """What the store knows of them."""
        for sighting in sightings:
            if sighting.curve in self._all:
                self._all[sighting.curve] = replace(self._all[sighting.curve], last=sighting)

    def sightings(self) -> Iterator[Sighting]:
        """What was heard of them, for the store."""
        return (item.last for item in self._all.values() if item.last is not None)

    def shown(self, taken: Collection[str]) -> Iterator[Ended]:
        """The newest of each name, but for names in `taken`, which other keys have now."""
        newest: dict[str, Ended] = {}
        for item in sorted(self._all.values(), key=lambda item: item.revocation.issued):
            newest[item.revocation.host] = item
        return (item for name, item in sorted(newest.items()) if name not in taken)


def _place(admission: bytes) -> tuple[str, str]:
    if not admission:
        return "", ""
    found = codec.decode(Admission, open_envelope(admission, type=ADMISSION_TYPE, limit=LIMIT).body, limit=LIMIT)
    return found.scope, found.ring
